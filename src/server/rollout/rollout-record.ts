import type { EntityManager } from 'typeorm'
import { countsOf, type Counts } from '../../domain/rollout/counts.js'
import type { FailureLimit } from '../../domain/rollout/gate.js'
import type { PauseReason, Rollout, RolloutState, Stage, StageState } from '../../domain/rollout/rollout-state.js'
import type { RolloutRules } from '../../domain/rollout/rules.js'
import { readCounts } from './tally.js'

/** One row of `rollout`. */
export interface RolloutRecord {
  readonly id: string
  readonly namespace: string
  readonly release_id: string
  readonly fallback_release_id: string | null
  /** The rollout whose fallback this one brings, under the plan of that one. */
  readonly parent_id: string | null
  readonly manifest_sha256: Buffer
  readonly sequence: number
  readonly class_id: Buffer
  readonly device_ids: readonly string[] | null
  /** Which devices, in words; those that fit later join. */
  readonly filter: string | null
  readonly priority: number
  readonly rules: RolloutRules
  readonly plan: Buffer
  readonly plan_sha256: Buffer
  readonly not_before: number
  readonly expires: number
  readonly devices_per_hour: number
  readonly devices_total: number
  readonly limit_count: number | null
  readonly limit_percent: number | null
  readonly silence_seconds: number
  readonly jitter_seconds: number
  readonly state: RolloutState
  readonly pause_reason: PauseReason | null
  readonly pause_code: string | null
  /** When the next offer is due by the rates; milliseconds since the epoch. */
  readonly offers_due_ms: number
  readonly hold_until: number
  readonly hold_code: string | null
  readonly created_at: number
  readonly created_by: string
  readonly started_at: number | null
  readonly ended_at: number | null
  /** When something of what became of its devices was cleared away last. */
  readonly cleared_at: number | null
}

interface StageRow {
  readonly devices: number | null
  readonly percent: number | null
  readonly gate_percent: number
  readonly soak_seconds: number
  readonly state: StageState
  readonly wanted: number | null
  readonly filled_at: number | null
  readonly held_since: number | null
  readonly accepted_failures: number
}

/** The rollout that people signed, and devices report about: a fallback goes by the plan of its parent. */
export const signedIdOf = (row: RolloutRecord): string => row.parent_id ?? row.id

export const limitOf = (row: RolloutRecord): FailureLimit => ({
  ...(row.limit_count === null ? {} : { count: row.limit_count }),
  ...(row.limit_percent === null ? {} : { percent: row.limit_percent }),
})

/** The rollout as the engine knows it, with its counts. */
export async function readRollout(manager: EntityManager, row: RolloutRecord): Promise<Rollout> {
  const stages = await manager.query<StageRow[]>(
    `SELECT devices, percent, gate_percent, soak_seconds, state, wanted, filled_at, held_since, accepted_failures
     FROM rollout_stage WHERE rollout_id = $1 ORDER BY index`,
    [row.id],
  )
  const counts = await readCounts(manager, row.id)
  return {
    state: row.state,
    pauseReason: row.pause_reason,
    pauseCode: row.pause_code,
    notBefore: row.not_before,
    expires: row.expires,
    failureLimit: limitOf(row),
    onFailure: row.rules.onFailure,
    hasFallback: row.fallback_release_id !== null,
    stages: stages.map((stage, index) => stageOf(stage, counts.get(index) ?? countsOf())),
  }
}

/** Which devices each stage takes, in words; null for all that the rollout is about. */
export async function readStageFilters(
  manager: Pick<EntityManager, 'query'>,
  rolloutId: string,
): Promise<readonly (string | null)[]> {
  const rows = await manager.query<{ filter: string | null }[]>(
    'SELECT filter FROM rollout_stage WHERE rollout_id = $1 ORDER BY index',
    [rolloutId],
  )
  return rows.map(({ filter }) => filter)
}

const stageOf = (row: StageRow, counts: Counts): Stage => ({
  state: row.state,
  reach: row.devices === null ? { percent: row.percent ?? 0 } : { devices: row.devices },
  gate: { confirmedPercent: row.gate_percent },
  soakSeconds: row.soak_seconds,
  wanted: row.wanted,
  filledAt: row.filled_at,
  heldSince: row.held_since,
  acceptedFailures: row.accepted_failures,
  counts,
})

const ended = new Set<RolloutState>(['finished', 'cancelled', 'rolledBack'])

/** Writes what a step changed. The caller's transaction holds the rollout's row. */
export async function writeRollout(
  manager: EntityManager,
  id: string,
  before: Rollout,
  after: Rollout,
  now: number,
): Promise<void> {
  if (after.state !== before.state || after.pauseReason !== before.pauseReason)
    await manager.query(
      `UPDATE rollout SET state = $2, pause_reason = $3, pause_code = $4, hold_until = 0, hold_code = NULL,
         started_at = coalesce(started_at, CASE WHEN $2 = 'running' THEN $5::bigint END),
         ended_at = CASE WHEN $6 THEN $5::bigint END WHERE id = $1`,
      [id, after.state, after.pauseReason, after.pauseCode, now, ended.has(after.state)],
    )
  for (const [index, stage] of after.stages.entries())
    if (stage !== before.stages[index])
      await manager.query(
        `UPDATE rollout_stage SET state = $3, wanted = $4, filled_at = $5, held_since = $6, accepted_failures = $7,
           opened_at = coalesce(opened_at, CASE WHEN $3 <> 'waiting' THEN $8::bigint END),
           passed_at = coalesce(passed_at, CASE WHEN $3 = 'passed' THEN $8::bigint END)
         WHERE rollout_id = $1 AND index = $2`,
        [id, index, stage.state, stage.wanted, stage.filledAt, stage.heldSince, stage.acceptedFailures, now],
      )
}
