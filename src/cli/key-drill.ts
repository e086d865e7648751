import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import type { KeyRole } from '../domain/trust/roles.js'
import { countText, timeText } from './quantity-text.js'
import type { Session } from './session.js'
import { requirePolicy, type HeldTrust } from './trust-store.js'

const DrillResult = z.strictObject({
  decidedMs: z.number(),
  quorumMs: z.number(),
  signedMs: z.number(),
  publishedMs: z.number(),
  devices: z.number(),
  halfMs: z.number(),
  lastMs: z.number(),
  approvers: z.array(z.strictObject({ name: z.string(), role: z.string() })),
  withSandbox: z.boolean(),
})
export type DrillResult = z.infer<typeof DrillResult>

export interface DrillOptions {
  readonly devices: number
  readonly sandbox: boolean
}

/**
 * Rehearses the compromise of a manifest key on a system of its own, made like this namespace: its thresholds, quorums, limits and
 * who is needed, with keys that are made for the drill. Of production only `/trust` is read; nothing of it is written.
 * @throws Refusal `PACKAGE_MISSING` where only the command line is installed, `DRILL_FAILED`.
 */
export async function drill(session: Session, options: DrillOptions): Promise<DrillResult> {
  const program = findProgram()
  const held = await session.refreshTrust()
  const folder = mkdtempSync(join(tmpdir(), 'countersign-drill-'))
  try {
    const [copy, out] = [join(folder, 'copy.json'), join(folder, 'result.json')]
    writeFileSync(copy, JSON.stringify(copyOf(held)), { mode: 0o600 })
    const words = ['--copy', copy, '--out', out, '--devices', String(options.devices)]
    const code = await run([program, ...words, ...(options.sandbox ? [] : ['--without-sandbox'])])
    if (code !== 0 || !existsSync(out)) throw new Refusal('DRILL_FAILED', { exitCode: code })
    return DrillResult.parse(JSON.parse(readFileSync(out, 'utf8')))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Beside the command line, in a clone of the project; an installation of the command line alone has no database and no broker. */
function findProgram(): string {
  const project = join(dirname(fileURLToPath(import.meta.url)), '../..')
  // Compiled, and from the source.
  const found = ['demo', 'dist/demo']
    .map((place) => join(project, place, 'drill/main.js'))
    .find((file) => existsSync(file))
  if (found !== undefined) return found
  throw new Refusal('PACKAGE_MISSING', {
    name: 'the drill',
    fix: 'it needs a clone of the project: run scripts/setup there, then "npx countersign keys drill"',
  })
}

/** What of a namespace makes the difference in a drill. No key and no address is in it. */
function copyOf(held: HeldTrust): object {
  const { root } = held.state
  const policy = requirePolicy(held)
  const sizeOf = (role: KeyRole): object => {
    const row = root.roles.get(role)
    return { threshold: row?.threshold ?? 1, keys: row?.keyIds.length ?? 1 }
  }
  return {
    namespace: root.namespace,
    root: sizeOf('root'),
    policy: sizeOf('policy'),
    persons: [...policy.persons.values()].map(({ name, roles }) => ({ name, roles })),
    quorums: Object.fromEntries(policy.quorums),
    limits: policy.limits,
  }
}

/** Its story goes to standard error, as it comes. */
function run([program = '', ...args]: readonly string[]): Promise<number> {
  const { PATH, HOME, TMPDIR } = process.env
  const environment = Object.fromEntries(
    Object.entries({ PATH, HOME, TMPDIR }).filter(([, value]) => value !== undefined),
  )
  const child = spawn(process.execPath, [program, ...args], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}

const after = (ms: number): string => `+${countText(ms)} ms`.padEnd(20)

export function describeDrill(namespace: string, result: DrillResult): string[] {
  const { decidedMs, quorumMs, signedMs, publishedMs, devices, halfMs, lastMs, approvers } = result
  const who = approvers.map(({ name, role }) => `${name} (${role})`).join(', ')
  return [
    `Drill of ${namespace}: a manifest key was said to be stolen.`,
    `t0  ${timeText(Math.floor(decidedMs / 1_000))}  decision`,
    `t1  ${after(quorumMs)}  the quorum is complete: stand-ins for ${who}`,
    `t2  ${after(signedMs)}  the revocation list is signed`,
    `t3  ${after(publishedMs)}  it is published: ${publishedMs - quorumMs} ms after the quorum`,
    `t4  ${after(lastMs)}  ${devices} of ${devices} devices confirmed it in signed reports, half of them after ${halfMs} ms`,
    'It ran on a copy, which is gone: nothing in production was changed. Between t0 and t1 real people take longer.',
  ]
}
