import { countsOf, type Counts } from '../../domain/rollout/counts.js'
import type { PauseReason, RolloutState, StageState } from '../../domain/rollout/decide.js'
import type { DeploymentState } from '../../domain/rollout/deployment-state.js'
import type { FailureLimit } from '../../domain/rollout/gate.js'
import type { StageReach } from '../../domain/rollout/stage.js'
import type { EntityManager } from 'typeorm'

/** One row of `rollout`. */
export interface RolloutRecord {
  readonly id: string
  readonly namespace: string
  readonly release_id: string
  readonly fallback_release_id: string | null
  readonly manifest_sha256: Buffer
  readonly sequence: number
  readonly class_id: Buffer
  readonly device_ids: readonly string[] | null
  readonly plan: Buffer
  readonly plan_sha256: Buffer
  readonly not_before: number
  readonly expires: number
  readonly devices_per_hour: number
  readonly devices_total: number
  readonly gate_percent: number
  readonly limit_count: number | null
  readonly limit_percent: number | null
  readonly silence_seconds: number
  readonly jitter_seconds: number
  readonly state: RolloutState
  readonly pause_reason: PauseReason | null
  readonly pause_code: string | null
  readonly hold_until: number
  readonly hold_code: string | null
  readonly created_at: number
  readonly created_by: string
  readonly started_at: number | null
  readonly ended_at: number | null
}

/** One stage with the deployments in it. */
export interface StageRecord {
  readonly index: number
  readonly reach: StageReach
  readonly state: StageState
  readonly acceptedFailures: number
  readonly counts: Counts
}

interface StageRow {
  readonly index: number
  readonly devices: number | null
  readonly percent: number | null
  readonly state: StageState
  readonly accepted_failures: number
}

export const limitOf = (row: RolloutRecord): FailureLimit => ({
  ...(row.limit_count === null ? {} : { count: row.limit_count }),
  ...(row.limit_percent === null ? {} : { percent: row.limit_percent }),
})

/** Stages in order, with their counts by state. */
export async function readStages(manager: EntityManager, rolloutId: string): Promise<readonly StageRecord[]> {
  const stages = await manager.query<StageRow[]>(
    'SELECT index, devices, percent, state, accepted_failures FROM rollout_stage WHERE rollout_id = $1 ORDER BY index',
    [rolloutId],
  )
  const counted = await manager.query<{ stage: number; state: DeploymentState; devices: number }[]>(
    'SELECT stage, state, count(*) AS devices FROM deployment WHERE rollout_id = $1 GROUP BY stage, state',
    [rolloutId],
  )
  return stages.map((row) => {
    const own = counted.filter((each) => each.stage === row.index)
    return {
      index: row.index,
      reach: row.devices === null ? { percent: row.percent ?? 0 } : { devices: row.devices },
      state: row.state,
      acceptedFailures: row.accepted_failures,
      counts: countsOf(Object.fromEntries(own.map((each) => [each.state, each.devices]))),
    }
  })
}
