import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toBase64Url, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { isDeviceId } from '../../domain/trust/assignment.js'
import { wordOfReason } from '../../domain/trust/report-reason.js'
import { pageOf, type Page, type PageQuery } from '../request-fields.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'
import { Filters } from '../targeting/filters.service.js'
import { documentOf } from './report-store.service.js'

export interface DeviceView {
  readonly id: string
  readonly classId: string
  readonly attributes: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  readonly groups: readonly string[]
  readonly className: string | null
  /** What it speaks. A device of `ddi` signs nothing: all that is said of it here is unsigned. */
  readonly protocol: 'native' | 'ddi'
  readonly enrolledAt: number
  readonly lastSeenAt: number
  /** Put out for good; null while it is in use. */
  readonly decommissionedAt: number | null
  /** From its last verified signed report; null before the first. */
  readonly state: string | null
  readonly reason: string | null
  readonly reportedMs: number | null
  readonly runningManifestSha256: string | null
  readonly runningSequence: number | null
  readonly runningImageSha256: string | null
  readonly rootVersion: number | null
  readonly krlNumber: number | null
  /** Reports that were older than one held already: a replay, or a device set back. */
  readonly oldReports: number
}
export interface DeviceStory extends DeviceView {
  readonly deployments: readonly {
    readonly rolloutId: string
    readonly manifestSha256: string
    readonly stage: number
    readonly state: string
    readonly reason: string | null
    readonly changedAt: number
  }[]
  /** The newest first. */
  readonly certificates: readonly { readonly serial: string; readonly issuedAt: number; readonly notAfter: number }[]
  /** The last report as the device signed it. */
  readonly report: string | null
}

interface DeviceRow {
  readonly id: string
  readonly class_id: Buffer
  readonly attributes: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  readonly groups: readonly string[]
  readonly protocol: 'native' | 'ddi'
  readonly enrolled_at: number
  readonly last_seen_at: number
  readonly decommissioned_at: number | null
  readonly reported_ms: number | null
  readonly report: Buffer | null
  readonly reported_state: string | null
  readonly reported_reason: number | null
  readonly running_manifest_sha256: Buffer | null
  readonly running_sequence: number | null
  readonly running_image_sha256: Buffer | null
  readonly root_version: number | null
  readonly krl_number: number | null
  readonly old_reports: number
}
interface DeploymentRow {
  readonly rollout_id: string
  readonly manifest_sha256: Buffer
  readonly stage: number
  readonly state: string
  readonly reason: number | null
  readonly changed_at: number
}

/** Devices as people see them. */
@Injectable()
export class DeviceViews {
  constructor(
    private readonly database: DataSource,
    private readonly classes: DeviceClasses,
    private readonly filters: Filters,
  ) {}

  /** @throws Refusal `FILTER_INVALID` naming the column. */
  async list(namespace: string, text: string, page: PageQuery): Promise<Page<DeviceView>> {
    const filter = await this.filters.understand(namespace, text)
    const first = [namespace, page.after ?? '', page.limit + 1]
    const { sql, parameters } = this.filters.compile(namespace, filter, first)
    const rows = await this.database.query<DeviceRow[]>(
      `SELECT * FROM device d WHERE d.namespace = $1 AND d.id > $2 AND (${sql}) ORDER BY d.id LIMIT $3`,
      [...parameters],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => row.id,
      (row) => this.viewOf(namespace, row),
    )
  }

  /** @throws Refusal `NOT_FOUND`. */
  async story(namespace: string, id: string): Promise<DeviceStory> {
    const [row] = isDeviceId(id)
      ? await this.database.query<DeviceRow[]>('SELECT * FROM device WHERE namespace = $1 AND id = $2', [namespace, id])
      : []
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'device', id: id.slice(0, 64) })
    const deployments = await this.database.query<DeploymentRow[]>(
      `SELECT p.rollout_id, r.manifest_sha256, p.stage, p.state, p.reason, p.changed_at
       FROM deployment p JOIN rollout r ON r.id = p.rollout_id
       WHERE p.namespace = $1 AND p.device_id = $2 ORDER BY r.created_at DESC LIMIT 100`,
      [namespace, id],
    )
    const certificates = await this.database.query<DeviceStory['certificates']>(
      `SELECT serial, issued_at AS "issuedAt", not_after AS "notAfter" FROM device_certificate
       WHERE namespace = $1 AND device_id = $2 ORDER BY issued_at DESC, serial LIMIT 20`,
      [namespace, id],
    )
    const report = documentOf(namespace, id, row)
    return {
      ...this.viewOf(namespace, row),
      deployments: deployments.map((each) => ({
        rolloutId: each.rollout_id,
        manifestSha256: toHex(each.manifest_sha256),
        stage: each.stage,
        state: each.state,
        reason: each.reason === null ? null : wordOfReason(each.reason),
        changedAt: each.changed_at,
      })),
      certificates,
      report: report === null ? null : toBase64Url(report),
    }
  }

  private viewOf(namespace: string, row: DeviceRow): DeviceView {
    return {
      id: row.id,
      classId: toHex(row.class_id),
      attributes: row.attributes,
      tags: row.tags,
      groups: row.groups,
      className: this.classes.findName(namespace, row.class_id),
      protocol: row.protocol,
      enrolledAt: row.enrolled_at,
      lastSeenAt: row.last_seen_at,
      decommissionedAt: row.decommissioned_at,
      state: row.reported_state,
      reason: row.reported_reason === null ? null : wordOfReason(row.reported_reason),
      reportedMs: row.reported_ms,
      runningManifestSha256: hexOrNull(row.running_manifest_sha256),
      runningSequence: row.running_sequence,
      runningImageSha256: hexOrNull(row.running_image_sha256),
      rootVersion: row.root_version,
      krlNumber: row.krl_number,
      oldReports: row.old_reports,
    }
  }
}

const hexOrNull = (bytes: Buffer | null): string | null => (bytes === null ? null : toHex(bytes))
