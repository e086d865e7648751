import { Injectable } from '@nestjs/common'
import type { EntityManager } from 'typeorm'
import { equalBytes } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import {
  hasBegun,
  hasEnded,
  type DeploymentState,
  type ReportedState,
  type Running,
} from '../../domain/rollout/deployment-state.js'
import {
  nextDeployment,
  type Deployment,
  type DeploymentEvent,
  type DeploymentRules,
} from '../../domain/rollout/deployment.js'
import { ACTIVE } from './deployment-sql.js'

/** What a device says of itself: a verified report, or the unsigned word of a client that cannot sign. */
export interface DeviceWord {
  readonly namespace: string
  readonly deviceId: string
  readonly state: ReportedState
  /** Not there: the word says nothing of what the device runs. */
  readonly runningManifestSha256?: Uint8Array
  readonly runningSequence?: number
  /** The rollout that people signed, which its fallback shares. */
  readonly rolloutId?: string
  /** The rollout itself, where the server knows which one was answered. */
  readonly ownRolloutId?: string
  readonly reason?: number
}

/** One deployment as it is judged, with what its rollout says of it. */
export interface HeldDeployment {
  readonly rollout_id: string
  readonly device_id: string
  readonly state: DeploymentState
  readonly attempt: number
  readonly due_at: number | null
  readonly rules: DeploymentRules
}
interface ReportedRow extends HeldDeployment {
  readonly signed_id: string
  /** Of a fallback: what it takes devices back from. */
  readonly parent_manifest_sha256: Buffer | null
  readonly namespace: string
  readonly manifest_sha256: Buffer
  readonly sequence: number
}
interface Change {
  readonly row: HeldDeployment
  readonly next: Deployment
  readonly reason: number | null
}

/** What reports, silence and offers mean for deployments. */
@Injectable()
export class DeploymentService {
  constructor(private readonly clock: Clock) {}

  /**
   * Reconciles each device's deployments with what the device says and runs (I-6). Safe to repeat.
   * @param reports newer than all before, at most one of each device.
   * @returns those that name a rollout which never had anything for their device.
   */
  async applyReports<W extends DeviceWord>(manager: EntityManager, reports: readonly W[]): Promise<readonly W[]> {
    if (reports.length === 0) return []
    const byName = new Map(reports.map((report) => [`${report.namespace}/${report.deviceId}`, report]))
    const rows = await lockReported(manager, reports)
    const now = this.clock.nowSeconds()
    const changes: Change[] = []
    for (const row of rows) {
      const report = byName.get(`${row.namespace}/${row.device_id}`)
      const change = report === undefined ? null : changeOf(row, report, now)
      if (change !== null) changes.push(change)
    }
    await writeDeployments(manager, changes, now)
    return findStray(manager, reports, rows)
  }

  /** Takes one deployment back, while its rollout goes on with others. */
  async cancel(manager: EntityManager, namespace: string, deviceId: string, rolloutId: string): Promise<void> {
    const now = this.clock.nowSeconds()
    const rows = await lockReported(manager, [{ namespace, deviceId }])
    const row = rows.find((each) => each.rollout_id === rolloutId)
    const next = row === undefined ? null : nextOf(row, { kind: 'cancel' }, now)
    if (row !== undefined && next !== null) await writeDeployments(manager, [{ row, next, reason: null }], now)
  }

  /** The device is no more. */
  async cancelAll(manager: EntityManager, namespace: string, deviceId: string): Promise<void> {
    const now = this.clock.nowSeconds()
    const changes = (await lockReported(manager, [{ namespace, deviceId }])).flatMap((row) => {
      const next = nextOf(row, { kind: 'cancel' }, now)
      return next === null ? [] : [{ row, next, reason: null }]
    })
    await writeDeployments(manager, changes, now)
  }

  /** Gives up on deployments of devices that were silent for too long. @param rows held by the caller's transaction. */
  async timeOut(manager: EntityManager, rows: readonly HeldDeployment[]): Promise<void> {
    const now = this.clock.nowSeconds()
    const changes = rows.flatMap((row) => {
      const next = nextOf(row, { kind: 'time-out' }, now)
      return next === null ? [] : [{ row, next, reason: null }]
    })
    await writeDeployments(manager, changes, now)
  }
}

const nextOf = (row: HeldDeployment, event: DeploymentEvent, now: number): Deployment | null =>
  nextDeployment({ state: row.state, attempt: row.attempt, dueAt: row.due_at ?? 0 }, event, row.rules, now)

/** @returns null when the report is about something else. A repeated word keeps the state and shows that the device lives. */
function changeOf(row: ReportedRow, report: DeviceWord, now: number): Change | null {
  const running = runningOf(row, report)
  // A confirmation of this very manifest counts for whichever rollout it was given, and a device that fell back has fallen
  // back, and one that is ahead is ahead, whatever it speaks of; every other word needs its name.
  const isConfirmation = report.state === 'confirmed' && running === 'release'
  const isAboutIt = isNamed(row, report) || isConfirmation
  const isAhead = running === 'newer' && !hasBegun(row.state)
  if (!isAboutIt && row.state !== 'confirmed' && !isAhead) return null
  const next = nextOf(row, { kind: 'report', state: report.state, running }, now)
  if (next === null && hasEnded(row.state)) return null
  return {
    row,
    next: next ?? { state: row.state, attempt: row.attempt, dueAt: row.due_at ?? 0 },
    reason: report.reason ?? null,
  }
}

function isNamed(row: ReportedRow, report: DeviceWord): boolean {
  const { rolloutId, ownRolloutId } = report
  if (ownRolloutId !== undefined) return ownRolloutId === row.rollout_id
  return rolloutId === row.signed_id && !isOfParent(row, report)
}

/** Both have one signed name. A device may confirm what is being rolled back while the fallback is on its way to it. */
const isOfParent = ({ parent_manifest_sha256: parents }: ReportedRow, report: DeviceWord): boolean =>
  report.state === 'confirmed' &&
  parents !== null &&
  report.runningManifestSha256 !== undefined &&
  equalBytes(parents, report.runningManifestSha256)

function runningOf(row: ReportedRow, report: DeviceWord): Running {
  if (report.runningManifestSha256 === undefined) return 'unknown'
  if (equalBytes(row.manifest_sha256, report.runningManifestSha256)) return 'release'
  return (report.runningSequence ?? 0) > row.sequence ? 'newer' : 'older'
}

/** The active one of each device, and those of rollouts that still go on which a report can change after their end. */
function lockReported(
  manager: EntityManager,
  reports: readonly Pick<DeviceWord, 'namespace' | 'deviceId'>[],
): Promise<ReportedRow[]> {
  return manager.query<ReportedRow[]>(
    `SELECT p.rollout_id, coalesce(r.parent_id, r.id) AS signed_id, p.namespace, p.device_id, p.state, p.attempt, p.due_at,
       r.manifest_sha256, r.sequence, r.rules, t.manifest_sha256 AS parent_manifest_sha256
     FROM unnest($1::text[], $2::text[]) AS n (namespace, device_id)
       JOIN deployment p ON p.namespace = n.namespace AND p.device_id = n.device_id
       JOIN rollout r ON r.id = p.rollout_id LEFT JOIN rollout t ON t.id = r.parent_id
     WHERE p.state IN (${ACTIVE}) OR (p.state IN ('confirmed', 'timedOut') AND r.state IN ('running', 'paused'))
     ORDER BY p.namespace, p.device_id, p.rollout_id FOR NO KEY UPDATE OF p`,
    [reports.map((report) => report.namespace), reports.map((report) => report.deviceId)],
  )
}

async function findStray<W extends DeviceWord>(
  manager: EntityManager,
  reports: readonly W[],
  rows: readonly ReportedRow[],
): Promise<readonly W[]> {
  const known = new Set(rows.map((row) => `${row.namespace}/${row.device_id}/${row.signed_id}`))
  const nameOf = ({ namespace, deviceId, rolloutId }: DeviceWord): string =>
    `${namespace}/${deviceId}/${rolloutId ?? ''}`
  const asked = reports.filter((report) => report.rolloutId !== undefined && !known.has(nameOf(report)))
  if (asked.length === 0) return []
  const found = await manager.query<{ name: string }[]>(
    `SELECT n.namespace || '/' || n.device_id || '/' || n.rollout_id AS name
     FROM unnest($1::text[], $2::text[], $3::text[]) AS n (namespace, device_id, rollout_id)
     WHERE EXISTS (SELECT 1 FROM deployment p JOIN rollout r ON r.id = p.rollout_id
       WHERE p.namespace = n.namespace AND p.device_id = n.device_id AND coalesce(r.parent_id, r.id)::text = n.rollout_id)
       -- Who knows what it had for the device: that was cleared away.
       OR EXISTS (SELECT 1 FROM rollout r WHERE r.namespace = n.namespace AND r.cleared_at IS NOT NULL
         AND coalesce(r.parent_id, r.id)::text = n.rollout_id)`,
    [asked.map((each) => each.namespace), asked.map((each) => each.deviceId), asked.map((each) => each.rolloutId)],
  )
  const names = new Set(found.map((row) => row.name))
  return asked.filter((report) => !names.has(nameOf(report)))
}

async function writeDeployments(manager: EntityManager, changes: readonly Change[], now: number): Promise<void> {
  if (changes.length === 0) return
  const isOver = ({ next }: Change): boolean => hasEnded(next.state) || next.state === 'queued'
  await manager.query(
    `UPDATE deployment p SET state = n.state, attempt = n.attempt, due_at = nullif(n.due_at, 0), reason = n.reason, alive_at = $8,
       changed_at = CASE WHEN p.state = n.state THEN p.changed_at ELSE $8 END,
       assignment = CASE WHEN n.is_over THEN NULL ELSE p.assignment END,
       assignment_expires = CASE WHEN n.is_over THEN NULL ELSE p.assignment_expires END,
       assigned_at = CASE WHEN n.is_over THEN NULL ELSE p.assigned_at END
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::boolean[])
       AS n (rollout_id, device_id, state, attempt, due_at, reason, is_over)
     WHERE p.rollout_id = n.rollout_id AND p.device_id = n.device_id`,
    [
      changes.map(({ row }) => row.rollout_id),
      changes.map(({ row }) => row.device_id),
      changes.map(({ next }) => next.state),
      changes.map(({ next }) => next.attempt),
      changes.map(({ next }) => next.dueAt),
      changes.map(({ reason }) => reason),
      changes.map(isOver),
      now,
    ],
  )
}
