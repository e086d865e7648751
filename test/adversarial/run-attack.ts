import { isDeepStrictEqual } from 'node:util'
import type { Attack } from './attack.js'
import type { Verdict } from './verdict.js'

const AT_ONCE = 4

/** How one attack went. `crash` is there when something else than a refusal was thrown: never a pass. */
export interface AttackResult {
  readonly attack: Attack
  readonly verdict: Verdict
  readonly pass: boolean
  readonly crash?: string
}

/** Plays one attack in a scene of its own. */
export async function runAttack(attack: Attack): Promise<AttackResult> {
  try {
    const verdict = await attack.run()
    return { attack, verdict, pass: isExpected(verdict, attack.expected) }
  } catch (error) {
    const crash = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { attack, verdict: { step: 0, code: 'NOTHING' }, pass: false, crash }
  }
}

/** Plays attacks side by side: most of the time a scene waits for a disk or a socket. Results stand in the order of `attacks`. */
export async function runAttacks(attacks: readonly Attack[]): Promise<AttackResult[]> {
  const results: AttackResult[] = []
  const queue = attacks.entries()
  const work = async (): Promise<void> => {
    for (const [index, attack] of queue) results[index] = await runAttack(attack)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return results
}

/** The step, the code, and every fact that the attack names. */
function isExpected(verdict: Verdict, expected: Verdict): boolean {
  const facts: Record<string, unknown> = { ...verdict.detail }
  return (
    verdict.step === expected.step &&
    verdict.code === expected.code &&
    Object.entries(expected.detail ?? {}).every(([name, value]) => isDeepStrictEqual(facts[name], value))
  )
}
