import { Injectable } from '@nestjs/common'
import type { EntityManager } from 'typeorm'
import { equalBytes } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { nextDeploymentState, type DeploymentState } from '../../domain/rollout/deployment-state.js'
import type { Report } from '../../domain/trust/report.js'

interface ActiveRow {
  readonly rollout_id: string
  readonly namespace: string
  readonly device_id: string
  readonly state: DeploymentState
  readonly manifest_sha256: Buffer
}
interface Change {
  readonly row: ActiveRow
  readonly state: DeploymentState
  readonly reason: number | null
}

/** What verified reports mean for the releases that were offered. */
@Injectable()
export class DeploymentService {
  constructor(private readonly clock: Clock) {}

  /**
   * Reconciles each device's active deployment with what the device says and runs (I-6). Safe to repeat.
   * @param reports verified, newer than all before, at most one of each device.
   */
  async applyReports(manager: EntityManager, reports: readonly Report[]): Promise<void> {
    if (reports.length === 0) return
    const byName = new Map(reports.map((report) => [`${report.namespace}/${report.deviceId}`, report]))
    const rows = await lockActive(manager, reports)
    const changes: Change[] = []
    for (const row of rows) {
      const report = byName.get(`${row.namespace}/${row.device_id}`)
      const change = report === undefined ? null : changeOf(row, report)
      if (change !== null) changes.push(change)
    }
    if (changes.length > 0) await write(manager, changes, this.clock.nowSeconds())
  }
}

/** @returns null when the report is about something else. A repeated word keeps the state and shows that the device lives. */
function changeOf(row: ActiveRow, report: Report): Change | null {
  const runsRelease = equalBytes(row.manifest_sha256, report.runningManifestSha256)
  // A confirmation of this very manifest counts for whichever rollout it was given; every other word needs its name.
  const isConfirmation = report.state === 'confirmed' && runsRelease
  if (report.rolloutId !== row.rollout_id && !isConfirmation) return null
  const next = nextDeploymentState(row.state, { kind: 'report', state: report.state, runsRelease })
  return { row, state: next ?? row.state, reason: report.reason ?? null }
}

function lockActive(manager: EntityManager, reports: readonly Report[]): Promise<ActiveRow[]> {
  return manager.query<ActiveRow[]>(
    `SELECT p.rollout_id, p.namespace, p.device_id, p.state, r.manifest_sha256
     FROM deployment p JOIN rollout r ON r.id = p.rollout_id
       JOIN unnest($1::text[], $2::text[]) AS n (namespace, device_id)
         ON n.namespace = p.namespace AND n.device_id = p.device_id
     WHERE p.state IN ('queued', 'offered', 'downloading', 'downloaded', 'installing', 'installed', 'rebooting')
     ORDER BY p.namespace, p.device_id FOR UPDATE OF p`,
    [reports.map((report) => report.namespace), reports.map((report) => report.deviceId)],
  )
}

async function write(manager: EntityManager, changes: readonly Change[], now: number): Promise<void> {
  await manager.query(
    `UPDATE deployment p SET state = n.state, reason = n.reason, alive_at = $5,
       changed_at = CASE WHEN p.state = n.state THEN p.changed_at ELSE $5 END
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[]) AS n (rollout_id, device_id, state, reason)
     WHERE p.rollout_id = n.rollout_id AND p.device_id = n.device_id`,
    [
      changes.map(({ row }) => row.rollout_id),
      changes.map(({ row }) => row.device_id),
      changes.map(({ state }) => state),
      changes.map(({ reason }) => reason),
      now,
    ],
  )
}
