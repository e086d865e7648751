import { execFile } from 'node:child_process'
import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { Refusal } from '../domain/refusal.js'
import { withHiddenFolders } from './hide-folder.js'
import { requireProgram } from './system-package.js'

const run = promisify(execFile)

/** `bwrap` shows the program only what it was given; `unshare` takes its network and the system's sockets away and leaves it the files. */
export type SandboxKind = 'bwrap' | 'unshare'

export interface SandboxPlan {
  readonly command: readonly string[]
  /** Files and folders it sees beside the system's programs and Node. Not the whole project: people's keys may lie there. */
  readonly readable: readonly string[]
  /** Files and folders it may change. They exist already. */
  readonly writable: readonly string[]
}

/**
 * The command that runs `plan.command` without a network, without capabilities, with no way to gain any, and without core dumps.
 * UNIX sockets work in the folders given and nowhere else (with `unshare`: wherever there is a path outside of /run).
 * A program under bwrap is not asked to end: it is killed as soon as bwrap is told to, or when we die.
 */
export function sandboxed(kind: SandboxKind, plan: SandboxPlan): string[] {
  const withoutDumps = [requireProgram('prlimit', 'util-linux'), '--core=0']
  return [...withoutDumps, ...(kind === 'bwrap' ? underBwrap(plan) : underUnshare(plan))]
}

let found: Promise<SandboxKind> | undefined

/**
 * The best sandbox that works here; tried out once. As root nothing weaker will do than these: the network namespace
 * has to be entered together with a user namespace, or root could go back into the host's.
 * @throws Refusal `SANDBOX_UNAVAILABLE`
 */
export function requireSandbox(): Promise<SandboxKind> {
  found ??= probe()
  return found
}

async function probe(): Promise<SandboxKind> {
  const whys: string[] = []
  for (const kind of ['bwrap', 'unshare'] as const) {
    try {
      const plan = { command: [process.execPath, '--version'], readable: [], writable: [] }
      const [program = '', ...args] = sandboxed(kind, plan)
      await run(program, args, { timeout: 10_000 })
      return kind
    } catch (error) {
      whys.push(`${kind}: ${reason(error)}`)
    }
  }
  throw new Refusal('SANDBOX_UNAVAILABLE', {
    why: `this system makes no sandbox without a network (${whys.join('; ')})`,
  })
}

function reason(error: unknown): string {
  if (error instanceof Refusal && error.code === 'PACKAGE_MISSING') return 'not installed'
  const failed = error as { stderr?: string; message?: string }
  return (failed.stderr?.trim() || failed.message || 'unknown').split('\n')[0] ?? ''
}

function underBwrap(plan: SandboxPlan): string[] {
  const bind = (option: string) => (path: string) => [option, path, path]
  return [
    requireProgram('bwrap', 'bubblewrap'),
    ...['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...['--ro-bind', '/usr', '/usr', ...['/lib', '/lib64', '/bin', '/sbin'].flatMap(systemFolder)],
    ...['/etc/ld.so.cache'].filter((path) => existsSync(path)).flatMap(bind('--ro-bind')),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ...nodeFolder().flatMap(bind('--ro-bind')),
    // After /tmp, so that folders given below it are seen.
    ...plan.readable.flatMap(bind('--ro-bind')),
    ...plan.writable.flatMap(bind('--bind')),
    ...['--chdir', '/', '--', ...plan.command],
  ]
}

/** Most systems have links into /usr there, some have folders, some have nothing. */
function systemFolder(path: string): string[] {
  if (!existsSync(path)) return []
  return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path]
}

/** Node came from a version manager when it is not below /usr. */
function nodeFolder(): string[] {
  const folder = dirname(dirname(process.execPath))
  return folder === '/usr' || folder.startsWith('/usr/') ? [] : [folder]
}

/** Where the system's sockets are: whoever may speak to a container engine there has the host, and with it a network. */
const SYSTEM_SOCKETS = '/run'

/** The folder stays open where the program is given something in it. */
function underUnshare({ command, readable, writable }: SandboxPlan): string[] {
  const isGiven = [...readable, ...writable].some((path) => `${realpathSync(path)}/`.startsWith(`${SYSTEM_SOCKETS}/`))
  const isThere = existsSync(SYSTEM_SOCKETS)
  return withHiddenFolders(isThere && !isGiven ? [SYSTEM_SOCKETS] : [], command, 'none')
}
