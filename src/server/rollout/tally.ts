import type { EntityManager } from 'typeorm'
import { countsOf, type Counts } from '../../domain/rollout/counts.js'
import type { DeploymentState } from '../../domain/rollout/deployment-state.js'

/** So many rows are cheaper to read than to add up. */
const FEW_ROWS = 500

interface TallyRow {
  readonly stage: number
  readonly state: DeploymentState
  readonly devices: number
}

/** Deployments of a rollout by stage and state: what the triggers of `deployment` have added and taken away, and what was cleared. */
export async function readCounts(manager: EntityManager, rolloutId: string): Promise<ReadonlyMap<number, Counts>> {
  const rows = await manager.query<TallyRow[]>(
    `SELECT stage, state, sum(devices)::bigint AS devices FROM (
       SELECT stage, state, devices FROM rollout_tally WHERE rollout_id = $1
       UNION ALL SELECT stage, state, devices FROM rollout_cleared WHERE rollout_id = $1) n GROUP BY stage, state`,
    [rolloutId],
  )
  const stages = new Map<number, Partial<Record<DeploymentState, number>>>()
  for (const { stage, state, devices } of rows) stages.set(stage, { ...stages.get(stage), [state]: devices })
  return new Map([...stages].map(([stage, known]) => [stage, countsOf(known)]))
}

/**
 * Adds up the rows of a rollout when they have become many. One statement: whoever reads sees the old rows or their sum; rows
 * that others are adding meanwhile stay as they are.
 */
export async function addUpTally(manager: EntityManager, rolloutId: string): Promise<void> {
  const [row] = await manager.query<{ rows: number }[]>(
    'SELECT count(*) AS rows FROM rollout_tally WHERE rollout_id = $1',
    [rolloutId],
  )
  if ((row?.rows ?? 0) <= FEW_ROWS) return
  await manager.query(
    `WITH old AS (DELETE FROM rollout_tally WHERE rollout_id = $1 RETURNING stage, state, devices)
     INSERT INTO rollout_tally SELECT $1::uuid, stage, state, sum(devices) FROM old
     GROUP BY stage, state HAVING sum(devices) <> 0`,
    [rolloutId],
  )
}
