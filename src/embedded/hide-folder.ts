import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Refusal } from '../domain/refusal.js'
import { requireProgram } from './system-package.js'

const run = promisify(execFile)

/** The options that leave a program no capability, and no way to a new one. */
export const WITHOUT_PRIVILEGES = ['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs']

// $1 is how many folders follow; then the folders; then the program, which is set free only when all are covered.
const COVER = `count=$1; shift
while [ "$count" -gt 0 ]; do mount -t tmpfs -o mode=0000,size=4k none "$1" || exit 126; shift; count=$((count - 1)); done
exec "$@"`

/**
 * The command, run so that these folders are empty and closed to it, although its user may read them: the program
 * stands in its own mount namespace without the capability to uncover them, and outside its user namespace there is
 * no process whose memory or root folder it may enter.
 * @param network `none` also gives it a network of its own, without anything in it.
 */
export function withHiddenFolders(
  folders: readonly string[],
  command: readonly string[],
  network: 'none' | 'shared' = 'shared',
): string[] {
  const unshare = requireProgram('unshare', 'util-linux')
  const setpriv = [requireProgram('setpriv', 'util-linux'), ...WITHOUT_PRIVILEGES]
  return [
    unshare,
    network === 'none' ? '-rmn' : '-rm',
    'sh',
    '-c',
    COVER,
    'sh',
    String(folders.length),
    ...folders,
    ...setpriv,
    ...command,
  ]
}

/** @throws Refusal `SANDBOX_UNAVAILABLE` where this user may not make the namespaces. */
export async function requireFolderHiding(): Promise<void> {
  try {
    const [program = '', ...args] = withHiddenFolders(['/mnt'], ['true'])
    await run(program, args, { timeout: 10_000 })
  } catch (error) {
    if (error instanceof Refusal) throw error
    const said = (error as { stderr?: string }).stderr?.trim().split('\n')[0] ?? 'unknown'
    throw new Refusal('SANDBOX_UNAVAILABLE', { why: `this system hides no folder from a process (${said})` })
  }
}
