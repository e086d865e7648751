import { parseArgs } from 'node:util'
import type { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { openModule, type OpenModule } from '../../token/cryptoki-module.js'
import { TokenInspection } from '../../token/token-inspection.js'
import { loadSignerConfig, type SignerConfig } from '../config.js'
import { ownProcess, type ProcessView } from '../host/sandbox-check.js'
import { SystemClock, systemUptime, type MachineUptime } from '../host/system-clock.js'
import { sessionsOf, tokenAccessOf } from '../token-access.js'
import { SignerInspection } from './signer-inspection.js'
import { signerSteps } from './signer-steps.js'
import { takeSteps, type Step, type StepReport } from './step.js'
import { tokenSteps, type TokenFindings } from './token-steps.js'

/** Where the doctor looks; a test puts something broken in the place of one of these. */
export interface DoctorParts {
  readonly openModule: OpenModule
  readonly view: ProcessView
  readonly clock: Clock
  readonly uptime: MachineUptime
}
export const machineParts = (): DoctorParts => ({
  openModule,
  view: ownProcess,
  clock: new SystemClock(),
  uptime: systemUptime(),
})

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Goes through everything that a signer needs, in the order in which it needs it, and says at which step it fails. Changes nothing
 * and takes no lock, so it may run beside the signer; a PIN is tried once.
 */
export async function examine(env: Environment, parts: DoctorParts = machineParts()): Promise<StepReport[]> {
  let config: SignerConfig | null = null
  const settings: Step = {
    name: 'settings',
    needs: [],
    next: 'set the variables that are named, as deploy/systemd and docker-compose.yml do',
    look: () => {
      config = loadSignerConfig(env)
      const { SIGNER_PROCESS: process, SIGNER_NAMESPACE: namespace, PROFILE: profile } = config
      return { found: `${process} signer of ${namespace}, profile ${profile}` }
    },
  }
  const first = await takeSteps([settings])
  return config === null ? first : [...first, ...(await examineWith(config, parts))]
}

async function examineWith(config: SignerConfig, parts: DoctorParts): Promise<StepReport[]> {
  const token = new TokenInspection(
    { ...tokenAccessOf(config), keys: [], sessions: sessionsOf(config) },
    parts.openModule,
  )
  const signer = new SignerInspection(config, parts.clock, parts.uptime)
  const findings: TokenFindings = { keys: [] }
  try {
    return await takeSteps([
      ...tokenSteps(config, token, findings),
      ...signerSteps(config, signer, findings, parts.view),
    ])
  } finally {
    token.close()
  }
}

/** @returns what to print, and whether everything is good. @throws Refusal `CONFIGURATION` for an option that there is not. */
export async function runDoctor(args: readonly string[], env: Environment): Promise<{ text: string; isGood: boolean }> {
  const isJson = parseOptions(args)
  const reports = await examine(env)
  const failed = reports.find(({ outcome }) => outcome === 'failed')?.step ?? null
  const isGood = failed === null
  if (isJson) return { text: JSON.stringify({ isGood, failed, steps: reports }), isGood }
  const last = isGood ? 'everything is in place' : `the first step that fails: ${failed}`
  return { text: [...reports.flatMap(linesOf), last].join('\n'), isGood }
}

function parseOptions(args: readonly string[]): boolean {
  try {
    return parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } }).values.json
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown option'
    throw new Refusal('CONFIGURATION', { name: 'doctor', why }, { cause: error })
  }
}

function linesOf({ step, outcome, found, code, next }: StepReport): string[] {
  const head = `${outcome.padEnd(11)}  ${step.padEnd(16)}  ${[code ?? [], found].flat().join(' ')}`
  return next === undefined ? [head] : [head, `${' '.repeat(13)}next: ${next}`]
}
