import type { EntityManager } from 'typeorm'
import { activeStates, begunStates, failureStates, inFlightStates } from '../../domain/rollout/deployment-state.js'

const list = (states: readonly string[]): string => states.map((state) => `'${state}'`).join(', ')

/** For `state IN (…)`: written out, so that the database sees which of its partial indexes fit. */
export const ACTIVE = list(activeStates)
export const IN_FLIGHT = list(inFlightStates)
export const FAILED = list(failureStates)
const BEGUN = list(begunStates)

/** An assignment is of use to a device that may still act on it, and takes up room on every other. */
export const WITHOUT_ASSIGNMENT = 'assignment = NULL, assignment_expires = NULL, assigned_at = NULL'

/** Ends everything of a rollout that is under way. `superseded` afterwards are exactly those that had begun and gave way. */
export async function takeBack(
  manager: EntityManager,
  rolloutId: string,
  begun: 'cancelled' | 'superseded',
  now: number,
): Promise<void> {
  const states = begun === 'superseded' ? `${ACTIVE}, 'superseded'` : ACTIVE
  await manager.query(
    `UPDATE deployment SET changed_at = $2, ${WITHOUT_ASSIGNMENT},
       state = CASE WHEN state IN (${BEGUN}) THEN $3 ELSE 'cancelled' END
     WHERE rollout_id = $1 AND state IN (${states})`,
    [rolloutId, now, begun],
  )
}
