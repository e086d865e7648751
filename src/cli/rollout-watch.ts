import { RolloutAnswer } from './api-answers.js'
import { ChangeFeed } from './change-feed.js'
import { segment } from './command-shape.js'
import { ExitWith } from './exit-with.js'
import { PatientLook } from './patient-look.js'
import { describeRollout } from './rollout-table.js'
import type { Session } from './session.js'

/** Counts that no event tells of are looked at this seldom while events come. */
const LOOKS_MISSED = 5

const STOPPED = new Set(['paused', 'cancelled', 'rolledBack'])

/**
 * Follows a rollout until it ends or stands still: by the server's events, and where those do not come by asking. With --json
 * one line for each change.
 * @param intervalMs least time between two looks.
 * @throws ExitWith 2 when it was paused, cancelled or rolled back.
 */
export async function watchRollout(session: Session, id: string, intervalMs: number): Promise<void> {
  const look = new PatientLook(session.world)
  const feed = new ChangeFeed(session.api, ['rollout.*', 'deployment.*'], id)
  try {
    for (let shown = ''; ;) {
      const rollout = await look.at(() => session.api.get(`/rollouts/${segment(id)}`, RolloutAnswer))
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
      if (feed.isLive) await feed.changed(session.world.sleep(intervalMs * (LOOKS_MISSED - 1)))
    }
  } finally {
    await feed.end()
  }
}
