import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toBase64Url, toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { addCounts, totalOf, type Counts } from '../../domain/rollout/counts.js'
import { deploymentStates, type DeploymentState } from '../../domain/rollout/deployment-state.js'
import type { Gate } from '../../domain/rollout/gate.js'
import type { Rollout } from '../../domain/rollout/rollout-state.js'
import { stageSizes, type StageReach } from '../../domain/rollout/stage.js'
import { Refusal } from '../../domain/refusal.js'
import { wordOfReason } from '../../domain/trust/report-reason.js'
import { pageOf, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { FAILED } from './deployment-sql.js'
import { HeldAnswers } from './held-answers.js'
import { ReleaseShelf } from './release-shelf.service.js'
import { RolloutApprovals, type RolloutApprovalView } from './rollout-approvals.service.js'
import { limitOf, readRollout, type RolloutRecord } from './rollout-record.js'
import { RolloutWaits } from './rollout-waits.service.js'
import { StageFiller } from './stage-filler.service.js'

/** How many devices would still join takes a look at each of them: so it is asked this seldom. */
const MEMBERS_HELD_MS = 1_000

export interface StageView {
  readonly index: number
  readonly reach: StageReach
  /** Devices in it; of a stage that waits, as many as it would bring in now. */
  readonly size: number
  readonly state: string
  /** It takes only devices that fit. */
  readonly where: string | null
  readonly gate: Gate
  readonly soakSeconds: number
  /** Since when its gate holds without a break, while it soaks. */
  readonly heldSince: number | null
  readonly openedAt: number | null
  readonly passedAt: number | null
  readonly counts: Counts
}
export interface RolloutRow {
  readonly id: string
  readonly state: string
  readonly pauseReason: string | null
  readonly releaseId: string
  /** The rollout whose fallback it brings. */
  readonly parentId: string | null
  readonly priority: number
  readonly createdAt: number
  readonly createdBy: string
  readonly startedAt: number | null
  readonly endedAt: number | null
  /** Since then it is no longer told what became of each device; counts are whole. */
  readonly clearedAt: number | null
}
export interface RolloutView extends RolloutRow {
  /** The refusal behind a pause by the engine. */
  readonly pauseCode: string | null
  /** Why nothing further is opened or offered just now; null while something is. */
  readonly waitingFor: string | null
  /** When that ends, where it is known; seconds since the epoch. */
  readonly waitsUntil: number | null
  /** The rollout that brings its fallback, once it was rolled back. */
  readonly fallbackId: string | null
  readonly rules: object
  /** Which devices it is about, in words; null for all of the class, or of a list. */
  readonly where: string | null
  readonly fallbackReleaseId: string | null
  readonly release: object
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

interface StageTimes {
  readonly opened_at: number | null
  readonly passed_at: number | null
  readonly filter: string | null
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
  private readonly waiting = new HeldAnswers<number>(MEMBERS_HELD_MS)

  constructor(
    private readonly database: DataSource,
    private readonly releases: ReleaseShelf,
    private readonly approvals: RolloutApprovals,
    private readonly filler: StageFiller,
    private readonly waits: RolloutWaits,
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
    const rollout = await readRollout(this.database.manager, row)
    const release = await this.releases.requireSigned(namespace, row.release_id)
    const totals = addCounts(rollout.stages.map((stage) => stage.counts))
    const members = totalOf(totals) + (await this.countWaiting(row, rollout))
    return {
      ...rowView(row),
      pauseCode: row.pause_code,
      ...(await this.waits.find(row, rollout, this.clock.nowSeconds())),
      fallbackId: await this.findFallback(row),
      rules: row.rules,
      where: row.filter,
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
      failureLimit: limitOf(row),
      devicesPerHour: row.devices_per_hour,
      devicesTotal: row.devices_total,
      notBefore: row.not_before,
      expires: row.expires,
      plan: toBase64Url(row.plan),
      planSha256: toHex(row.plan_sha256),
      approvals: await this.approvals.list(row),
      stages: stageViews(rollout, await this.stageTimes(row.id), members),
      members,
      totals,
      failuresByReason: await this.failures(row.id),
    }
  }

  /** Nobody joins a rollout that is over, and one whose stages are all open has its devices. */
  private async countWaiting(row: RolloutRecord, rollout: Rollout): Promise<number> {
    if (row.ended_at !== null || rollout.stages.every((stage) => stage.state !== 'waiting')) return 0
    return this.waiting.find(row.id, () => this.filler.countWaiting(row))
  }

  private async findFallback(row: RolloutRecord): Promise<string | null> {
    if (row.state !== 'rolledBack') return null
    const [found] = await this.database.query<{ id: string }[]>('SELECT id FROM rollout WHERE parent_id = $1', [row.id])
    return found?.id ?? null
  }

  private stageTimes(rolloutId: string): Promise<readonly StageTimes[]> {
    return this.database.query<StageTimes[]>(
      'SELECT opened_at, passed_at, filter FROM rollout_stage WHERE rollout_id = $1 ORDER BY index',
      [rolloutId],
    )
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
      `SELECT state, reason, sum(devices)::bigint AS devices FROM (
         SELECT state, reason, 1 AS devices FROM deployment WHERE rollout_id = $1 AND state IN (${FAILED})
         UNION ALL SELECT state, reason, devices FROM rollout_cleared WHERE rollout_id = $1 AND state IN (${FAILED})) n
       GROUP BY state, reason`,
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
  parentId: row.parent_id,
  priority: row.priority,
  createdAt: row.created_at,
  createdBy: row.created_by,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  clearedAt: row.cleared_at,
})

function stageViews({ stages }: Rollout, times: readonly StageTimes[], members: number): StageView[] {
  const planned = stageSizes(
    stages.map((stage) => stage.reach),
    members,
  )
  return stages.map(({ reach, state, gate, soakSeconds, heldSince, filledAt, wanted, counts }, index) => ({
    index,
    reach,
    // A stage that took all that there were may have wanted more.
    size:
      state === 'waiting' ? (planned[index] ?? 0) : Math.max(filledAt === null ? (wanted ?? 0) : 0, totalOf(counts)),
    state,
    where: times[index]?.filter ?? null,
    gate,
    soakSeconds,
    heldSince: state === 'open' ? heldSince : null,
    openedAt: times[index]?.opened_at ?? null,
    passedAt: times[index]?.passed_at ?? null,
    counts,
  }))
}
