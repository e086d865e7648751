import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { ServerClock } from '../clock/server-clock.port.js'
import { equalBytes } from '../../domain/bytes.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import type { Report } from '../../domain/trust/report.js'
import { Duplicates } from './registry/duplicates.service.js'
import { GroupMembership } from '../targeting/group-membership.service.js'
import { MAX_REPORT_BYTES } from './report-check.js'
import { CHANGED, changedFacts } from './report-facts.js'
import { packReport, unpackReport, type ReportRow } from './report-packing.js'
import { DeploymentService } from '../rollout/deployment.service.js'

export interface VerifiedReport {
  readonly document: Uint8Array
  readonly report: Report
  /** The key it was verified with, as it was stored then. */
  readonly publicKey: Buffer
  readonly receivedMs: number
}
export interface StoredCounter {
  readonly epoch: number
  readonly counter: number
}
/** `held`: what is stored now, in the epoch that counts; `isNew`: whether this report is it. */
export interface StoreOutcome {
  readonly isNew: boolean
  /** False when the device had changed its key by the time of writing. */
  readonly isByItsKey: boolean
  /** True when it speaks of a rollout that never had anything for the device; the rest of it counts. */
  readonly isStray: boolean
  readonly held: StoredCounter
}

/** What the statement that writes says of each report. */
interface Written {
  /** From 1 on, in the order of the reports. */
  readonly at: number
  readonly is_new: boolean
  /** What the device held before. */
  readonly krl_number: number | null
  readonly changed: number
}
/** Of a device whose report was not stored. */
interface HeldRow {
  readonly namespace: string
  readonly id: string
  readonly report_epoch: number | null
  readonly report_counter: number | null
  readonly counter_epoch: number
  readonly public_key: Buffer
  readonly decommissioned_at: number | null
}

/** Writes verified reports: the device's last word, what it acknowledges, and what became of its deployment. */
@Injectable()
export class ReportStore {
  constructor(
    private readonly database: DataSource,
    private readonly deployments: DeploymentService,
    private readonly duplicates: Duplicates,
    private readonly membership: GroupMembership,
    private readonly clock: ServerClock,
  ) {}

  /**
   * One transaction for all of them. A report whose counter did not grow, of another epoch than the one that was begun, or by
   * a key that the device has no more, changes nothing and is counted as old.
   * @param reports at most one of each device. @returns the outcome of each, in the same order.
   */
  async store(reports: readonly VerifiedReport[]): Promise<readonly StoreOutcome[]> {
    return this.database.transaction(async (manager) => {
      const written = await this.compareAndSet(manager, reports)
      const fresh = reports.filter((each) => written.get(each)?.is_new === true)
      const old = reports.filter((each) => written.get(each)?.is_new !== true)
      const held = old.length === 0 ? new Map<string, HeldRow>() : await this.turnAway(manager, old)
      await acknowledgeKrl(manager, fresh, (each) => written.get(each)?.krl_number ?? 0)
      const stray = new Set(
        await this.deployments.applyReports(
          manager,
          fresh.map((each) => each.report),
        ),
      )
      const changes = changedFacts(fresh.map((each) => ({ ...each.report, changed: written.get(each)?.changed ?? 0 })))
      for (const [namespace, { deviceIds, facts }] of changes)
        await this.membership.refresh(manager, namespace, deviceIds, facts)
      return reports.map((each): StoreOutcome => {
        const { epoch, counter } = each.report
        if (written.get(each)?.is_new === true)
          return { isNew: true, isByItsKey: true, isStray: stray.has(each.report), held: { epoch, counter } }
        const row = held.get(nameOf(each.report))
        return {
          isNew: false,
          isByItsKey: row?.decommissioned_at === null && row.public_key.equals(each.publicKey),
          isStray: false,
          held: heldCounter(row),
        }
      })
    })
  }

  /** Counts reports that change nothing. @returns what is held of their devices. */
  private async turnAway(
    manager: EntityManager,
    old: readonly VerifiedReport[],
  ): Promise<ReadonlyMap<string, HeldRow>> {
    const names = [old.map(({ report }) => report.namespace), old.map(({ report }) => report.deviceId)]
    const [rows] = await manager.query<[HeldRow[], number]>(
      `UPDATE device d SET old_reports = d.old_reports + 1 FROM unnest($1::text[], $2::text[]) AS n (namespace, id)
       WHERE d.namespace = n.namespace AND d.id = n.id
       RETURNING d.namespace, d.id, d.report_epoch, d.report_counter, d.counter_epoch, d.public_key, d.decommissioned_at`,
      names,
    )
    const held = new Map(rows.map((row) => [`${row.namespace}/${row.id}`, row]))
    await this.noteCopies(manager, old, held)
    return held
  }

  /** A device signs each number once: something else under one that is held is the word of another with its key. */
  private async noteCopies(
    manager: EntityManager,
    old: readonly VerifiedReport[],
    held: ReadonlyMap<string, HeldRow>,
  ): Promise<void> {
    for (const { report, document, publicKey } of old) {
      const { namespace, deviceId, epoch, counter } = report
      const row = held.get(nameOf(report))
      const isSameNumber = row?.report_epoch === epoch && row.report_counter === counter
      if (!isSameNumber || !row.public_key.equals(publicKey)) continue
      // Signed anew it is another signature over the same words.
      const stored = await findDocument(manager, namespace, deviceId)
      const isSame = stored !== null && equalBytes(payloadOf(stored), payloadOf(document))
      const detail = `epoch ${epoch}, number ${counter}`
      if (!isSame) await this.duplicates.note(manager, { namespace, deviceId, kind: 'counter', detail })
    }
  }

  /**
   * The counter decides in the database: of two servers with the same report one stores it. Devices are held in one order everywhere:
   * two batches that share devices wait for each other instead of blocking each other.
   */
  private async compareAndSet(
    manager: EntityManager,
    reports: readonly VerifiedReport[],
  ): Promise<ReadonlyMap<VerifiedReport, Written>> {
    const rows = await manager.query<Written[]>(
      `WITH n AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::text[],
           $8::bigint[], $9::bytea[], $10::bigint[], $11::bytea[], $12::bigint[], $13::bigint[], $14::bytea[]) WITH ORDINALITY
           AS n (namespace, id, epoch, counter, received_ms, document, state, reason, manifest, sequence, image, root_version,
             krl, by_key, at)),
         held AS (SELECT n.*, d.krl_number, ${CHANGED} AS changed
           FROM n JOIN device d USING (namespace, id) ORDER BY d.namespace, d.id FOR NO KEY UPDATE OF d),
         written AS (UPDATE device d SET report_epoch = n.epoch, report_counter = n.counter, reported_ms = n.received_ms, report = n.document,
             reported_state = n.state, reported_reason = n.reason, running_manifest_sha256 = n.manifest, running_sequence = n.sequence,
             running_image_sha256 = n.image, root_version = n.root_version, krl_number = n.krl,
             version_key = CASE WHEN d.running_manifest_sha256 = n.manifest THEN d.version_key ELSE (SELECT version_key(r.version)
               FROM release r WHERE r.namespace = n.namespace AND r.manifest_sha256 = n.manifest LIMIT 1) END,
             last_seen_at = greatest(d.last_seen_at, $15)
           FROM held n
           WHERE d.namespace = n.namespace AND d.id = n.id AND d.counter_epoch = n.epoch AND d.public_key = n.by_key
             AND d.decommissioned_at IS NULL
             AND (d.report_epoch IS NULL OR (n.epoch, n.counter) > (d.report_epoch, d.report_counter))
           RETURNING n.at)
       SELECT held.at::int, written.at IS NOT NULL AS is_new, held.krl_number, held.changed FROM held LEFT JOIN written USING (at)`,
      [...columnsOf(reports), this.clock.nowSeconds()],
    )
    const written = new Map<VerifiedReport, Written>()
    for (const row of rows) {
      const report = reports[row.at - 1]
      if (report !== undefined) written.set(report, row)
    }
    return written
  }
}

/** In an epoch that was begun and not yet reported in, nothing is held: that is its counter 0. */
export function heldCounter(
  row: Pick<HeldRow, 'report_epoch' | 'report_counter' | 'counter_epoch'> | undefined,
): StoredCounter {
  if (row === undefined) return { epoch: 0, counter: 0 }
  const isCurrent = row.report_epoch === row.counter_epoch
  return { epoch: row.counter_epoch, counter: isCurrent ? (row.report_counter ?? 0) : 0 }
}

const rowOf = (report: Report): ReportRow => ({
  namespace: report.namespace,
  id: report.deviceId,
  state: report.state,
  manifestSha256: report.runningManifestSha256,
  imageSha256: report.runningImageSha256,
})

interface StoredReport {
  readonly report: Buffer | null
  readonly reported_state: string | null
  readonly running_manifest_sha256: Buffer | null
  readonly running_image_sha256: Buffer | null
}

/** @returns the device's last report as it was signed; null for none. */
export function documentOf(namespace: string, id: string, row: StoredReport): Uint8Array | null {
  const { report, reported_state: state } = row
  const { running_manifest_sha256: manifestSha256, running_image_sha256: imageSha256 } = row
  if (report === null || state === null || manifestSha256 === null || imageSha256 === null) return null
  return unpackReport(report, { namespace, id, state, manifestSha256, imageSha256 })
}

async function findDocument(manager: EntityManager, namespace: string, id: string): Promise<Uint8Array | null> {
  const [row] = await manager.query<StoredReport[]>(
    'SELECT report, reported_state, running_manifest_sha256, running_image_sha256 FROM device WHERE namespace = $1 AND id = $2',
    [namespace, id],
  )
  return row === undefined ? null : documentOf(namespace, id, row)
}

const payloadOf = (document: Uint8Array): Uint8Array =>
  parseSign1(new Uint8Array(document), MAX_REPORT_BYTES).payload ?? new Uint8Array(0)

const nameOf = (report: Report): string => `${report.namespace}/${report.deviceId}`

function columnsOf(reports: readonly VerifiedReport[]): unknown[][] {
  const column = <T>(read: (each: VerifiedReport) => T): T[] => reports.map(read)
  return [
    column(({ report }) => report.namespace),
    column(({ report }) => report.deviceId),
    column(({ report }) => report.epoch),
    column(({ report }) => report.counter),
    column(({ receivedMs }) => receivedMs),
    column(({ document, report }) => Buffer.from(packReport(document, rowOf(report)))),
    column(({ report }) => report.state),
    column(({ report }) => report.reason ?? null),
    column(({ report }) => Buffer.from(report.runningManifestSha256)),
    column(({ report }) => report.runningSequence),
    column(({ report }) => Buffer.from(report.runningImageSha256)),
    column(({ report }) => report.rootVersion),
    column(({ report }) => report.krlNumber),
    column(({ publicKey }) => publicKey),
  ]
}

/**
 * The first verified report that names a KRL this new (t4 of a revocation), for each that the device waited for; later ones change
 * nothing. A device that held none has not waited for older ones.
 */
async function acknowledgeKrl(
  manager: EntityManager,
  reports: readonly VerifiedReport[],
  heldOf: (report: VerifiedReport) => number,
): Promise<void> {
  const newer = reports.filter((each) => each.report.krlNumber > heldOf(each))
  if (newer.length === 0) return
  await manager.query(
    `INSERT INTO krl_acknowledgement (namespace, krl_number, received_ms)
     SELECT n.namespace, t.version, n.received_ms
     FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) AS n (namespace, held, number, received_ms)
     JOIN trust_document t ON t.namespace = n.namespace AND t.kind = 'krl' AND t.version > n.held AND t.version <= n.number`,
    [
      newer.map(({ report }) => report.namespace),
      newer.map((each) => heldOf(each) || each.report.krlNumber - 1),
      newer.map(({ report }) => report.krlNumber),
      newer.map(({ receivedMs }) => receivedMs),
    ],
  )
}
