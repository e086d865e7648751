import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toBase64Url, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { addCounts, totalOf, type Counts } from '../../domain/rollout/counts.js'
import { deploymentStates, type DeploymentState } from '../../domain/rollout/deployment-state.js'
import { stageSizes, type StageReach } from '../../domain/rollout/stage.js'
import { Refusal } from '../../domain/refusal.js'
import { wordOfReason } from '../../domain/trust/report-reason.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { ReleaseShelf } from './release-shelf.service.js'
import { RolloutApprovals, type RolloutApprovalView } from './rollout-approvals.service.js'
import { limitOf, readStages, type RolloutRecord, type StageRecord } from './rollout-record.js'
import { countMembers } from './stage-opener.js'

export interface StageView {
  readonly index: number
  readonly reach: StageReach
  /** Devices in it; of a stage that waits, as many as it would bring in now. */
  readonly size: number
  readonly state: string
  readonly counts: Counts
}
export interface RolloutRow {
  readonly id: string
  readonly state: string
  readonly pauseReason: string | null
  readonly releaseId: string
  readonly createdAt: number
  readonly createdBy: string
  readonly startedAt: number | null
  readonly endedAt: number | null
}
export interface RolloutView extends RolloutRow {
  /** The refusal behind a pause by the engine. */
  readonly pauseCode: string | null
  /** What the online signer said when offering has to wait, most often `PACE_EXCEEDED`; null while it does not. */
  readonly waitingFor: string | null
  readonly fallbackReleaseId: string | null
  readonly release: object
  readonly gate: object
  readonly failureLimit: object
  readonly devicesPerHour: number
  readonly devicesTotal: number
  readonly notBefore: number
  readonly expires: number
  readonly plan: string
  readonly planSha256: string
  readonly approvals: readonly RolloutApprovalView[]
  readonly stages: readonly StageView[]
  readonly members: number
  readonly totals: Counts
  readonly failuresByReason: Readonly<Record<string, number>>
}
export interface DeploymentView {
  readonly deviceId: string
  readonly stage: number
  readonly state: DeploymentState
  readonly reason: string | null
  readonly assignmentExpires: number | null
  readonly changedAt: number
}

interface DeploymentRow {
  readonly device_id: string
  readonly stage: number
  readonly state: DeploymentState
  readonly reason: number | null
  readonly assignment_expires: number | null
  readonly changed_at: number
}

/** Rollouts as people see them. */
@Injectable()
export class RolloutViews {
  constructor(
    private readonly database: DataSource,
    private readonly releases: ReleaseShelf,
    private readonly approvals: RolloutApprovals,
    private readonly clock: Clock,
  ) {}

  /** @throws Refusal `NOT_FOUND`. */
  async requireRecord(namespace: string, id: string): Promise<RolloutRecord> {
    const [row] = await this.database.query<RolloutRecord[]>('SELECT * FROM rollout WHERE namespace = $1 AND id = $2', [
      namespace,
      requireUuid('rollout', id),
    ])
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'rollout', id })
    return row
  }

  async show(namespace: string, id: string): Promise<RolloutView> {
    const row = await this.requireRecord(namespace, id)
    const stages = await readStages(this.database.manager, row.id)
    const members = await countMembers(this.database.manager, row)
    const release = await this.releases.requireSigned(namespace, row.release_id)
    return {
      ...rowView(row),
      pauseCode: row.pause_code,
      waitingFor: row.state === 'running' && row.hold_until > this.clock.nowSeconds() ? row.hold_code : null,
      fallbackReleaseId: row.fallback_release_id,
      release: {
        id: release.id,
        version: release.version,
        sequence: release.sequence,
        classId: toHex(release.classId),
        manifestSha256: toHex(release.manifestSha256),
        imageSha256: toHex(release.imageSha256),
        imageSizeBytes: release.imageSizeBytes,
      },
      gate: { confirmedPercent: row.gate_percent },
      failureLimit: limitOf(row),
      devicesPerHour: row.devices_per_hour,
      devicesTotal: row.devices_total,
      notBefore: row.not_before,
      expires: row.expires,
      plan: toBase64Url(row.plan),
      planSha256: toHex(row.plan_sha256),
      approvals: await this.approvals.list(row.id),
      stages: stageViews(stages, members),
      members,
      totals: addCounts(stages.map((stage) => stage.counts)),
      failuresByReason: await this.failures(row.id),
    }
  }

  async list(namespace: string, page: PageQuery): Promise<Page<RolloutRow>> {
    const after = page.after === undefined ? null : requireUuid('rollout', page.after)
    const rows = await this.database.query<RolloutRecord[]>(
      `SELECT * FROM rollout WHERE namespace = $1 AND ($2::uuid IS NULL
         OR (created_at, id) < (SELECT created_at, id FROM rollout WHERE id = $2 AND namespace = $1))
       ORDER BY created_at DESC, id DESC LIMIT $3`,
      [namespace, after, page.limit + 1],
    )
    return pageOf(rows, page.limit, (row) => row.id, rowView)
  }

  async deployments(
    namespace: string,
    id: string,
    state: DeploymentState | null,
    page: PageQuery,
  ): Promise<Page<DeploymentView>> {
    const rollout = await this.requireRecord(namespace, id)
    const rows = await this.database.query<DeploymentRow[]>(
      `SELECT device_id, stage, state, reason, assignment_expires, changed_at FROM deployment
       WHERE rollout_id = $1 AND state = ANY ($2) AND device_id > $3 ORDER BY device_id LIMIT $4`,
      [rollout.id, state === null ? deploymentStates : [state], page.after ?? '', page.limit + 1],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => row.device_id,
      (row) => ({
        deviceId: row.device_id,
        stage: row.stage,
        state: row.state,
        reason: row.reason === null ? null : wordOfReason(row.reason),
        assignmentExpires: row.assignment_expires,
        changedAt: row.changed_at,
      }),
    )
  }

  /** By the word of the reason a device gave; without one, by the state itself. */
  private async failures(rolloutId: string): Promise<Record<string, number>> {
    const rows = await this.database.query<{ state: string; reason: number | null; devices: number }[]>(
      `SELECT state, reason, count(*) AS devices FROM deployment
       WHERE rollout_id = $1 AND state IN ('failed', 'reverted', 'refused', 'timedOut') GROUP BY state, reason`,
      [rolloutId],
    )
    const failures: Record<string, number> = {}
    for (const { state, reason, devices } of rows) {
      const word = reason === null ? state : wordOfReason(reason)
      failures[word] = (failures[word] ?? 0) + devices
    }
    return failures
  }
}

const rowView = (row: RolloutRecord): RolloutRow => ({
  id: row.id,
  state: row.state,
  pauseReason: row.pause_reason,
  releaseId: row.release_id,
  createdAt: row.created_at,
  createdBy: row.created_by,
  startedAt: row.started_at,
  endedAt: row.ended_at,
})

function stageViews(stages: readonly StageRecord[], members: number): StageView[] {
  const planned = stageSizes(
    stages.map((stage) => stage.reach),
    members,
  )
  return stages.map(({ index, reach, state, counts }) => ({
    index,
    reach,
    size: state === 'waiting' ? (planned[index] ?? 0) : totalOf(counts),
    state,
    counts,
  }))
}
