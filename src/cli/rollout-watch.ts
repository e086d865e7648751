import { RolloutAnswer } from './api-answers.js'
import { segment } from './command-shape.js'
import { describeRollout } from './rollout-table.js'
import type { Session } from './session.js'

/** Says which exit code a watch ends with; the program hands it to the shell. */
export class ExitWith extends Error {
  constructor(readonly exitCode: number) {
    super(`exit ${exitCode}`)
  }
}

const STOPPED = new Set(['paused', 'cancelled'])

/**
 * Follows a rollout until it ends or stands still. With --json one line for each change.
 * @throws ExitWith 2 when it was paused or cancelled.
 */
export async function watchRollout(session: Session, id: string, intervalMs: number): Promise<void> {
  let shown = ''
  for (;;) {
    const rollout = await session.api.get(`/rollouts/${segment(id)}`, RolloutAnswer)
    const lines = describeRollout(rollout)
    // Only changes are printed, so that the output of a script stays readable.
    const text = lines.join('\n')
    if (text !== shown) {
      session.output.table(lines)
      session.output.result(rollout)
    }
    shown = text
    if (rollout.state === 'finished') return
    if (STOPPED.has(rollout.state)) throw new ExitWith(2)
    await session.world.sleep(intervalMs)
  }
}
