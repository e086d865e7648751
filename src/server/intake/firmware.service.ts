import { Injectable } from '@nestjs/common'
import { DataSource, IsNull, type EntityManager } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { pageOf, requireSha256, type Page, type PageQuery } from '../request-fields.js'
import { ServerConfig } from '../server-config.js'
import { FirmwareWriter, type AnnouncedUpload } from '../storage/firmware-writer.service.js'
import { lockDigest } from './digest-lock.js'
import { FirmwareRow } from './firmware.row.js'
import { OwnUploads } from './own-uploads.service.js'

/** Firmware that was uploaded to a namespace. What another namespace uploaded does not exist here. */
@Injectable()
export class FirmwareService {
  constructor(
    private readonly database: DataSource,
    private readonly writer: FirmwareWriter,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly config: ServerConfig,
    private readonly names: OwnUploads,
  ) {}

  /**
   * Takes firmware in one go. @returns whether it is new.
   * Bytes that are here already are taken all the same: whoever sends others shall hear of it, and what rotted in the store heals.
   * @throws Refusal `IMAGE_TOO_LARGE` before a byte is read; as `FirmwareWriter`.
   */
  async upload(
    sha256: Uint8Array,
    source: AsyncIterable<Uint8Array>,
    sizeBytes: number,
    caller: Caller,
  ): Promise<boolean> {
    this.requireSize(sizeBytes)
    const upload = { id: this.names.next(), sha256, sizeBytes }
    try {
      await this.writer.append(upload, 0, source)
      await this.writer.requireWhole(upload)
      return await this.database.transaction(async (manager) => {
        await lockDigest(manager, sha256)
        return this.keep(manager, upload, caller)
      })
    } finally {
      this.names.end(upload.id)
      await this.writer.discard(upload.id)
    }
  }

  /** @throws Refusal `IMAGE_TOO_LARGE`. */
  requireSize(sizeBytes: number): void {
    const limitBytes = this.config.maxUploadBytes
    if (sizeBytes > limitBytes) throw new Refusal('IMAGE_TOO_LARGE', { sizeBytes, limitBytes })
  }

  /**
   * Makes a whole upload firmware of the caller's namespace, under the lock of its digest. Bytes first, row second: a row always
   * has its bytes. @returns whether it is new.
   *
   * Another namespace may have brought the same bytes: they are kept once, and these, just hashed, replace those, long unread.
   */
  async keep(manager: EntityManager, upload: AnnouncedUpload, caller: Caller): Promise<boolean> {
    const { namespace } = caller
    const { sha256, sizeBytes } = upload
    await this.writer.publish(upload)
    const now = this.clock.nowSeconds()
    const touched = await manager.update(FirmwareRow, { namespace, sha256, prunedAt: IsNull() }, { usedAt: now })
    if (touched.affected !== 0) return false
    const actor = caller.person ?? caller.label
    const row = { namespace, sha256, sizeBytes, uploadedAt: now, uploadedBy: actor, usedAt: now, prunedAt: null }
    await manager.upsert(FirmwareRow, row, ['namespace', 'sha256'])
    const detail = { sha256: toHex(sha256), sizeBytes, token: caller.tokenId }
    await this.audit.record(manager, { namespace, actor, event: 'firmware.uploaded', detail })
    return true
  }

  /**
   * Notes in the caller's transaction that something needs this firmware; from then on until the commit nobody gives it up.
   * @throws Refusal `FIRMWARE_PRUNED` when its bytes are gone.
   */
  async use(manager: EntityManager, namespace: string, sha256: Uint8Array): Promise<void> {
    const change = { usedAt: this.clock.nowSeconds() }
    const done = await manager.update(FirmwareRow, { namespace, sha256, prunedAt: IsNull() }, change)
    if (done.affected === 0) throw new Refusal('FIRMWARE_PRUNED', { sha256: toHex(sha256) })
  }

  /** @throws Refusal `NOT_FOUND`. */
  async get(namespace: string, sha256: Uint8Array): Promise<FirmwareRow> {
    const row = await this.database.getRepository(FirmwareRow).findOneBy({ namespace, sha256 })
    if (row === null) throw new Refusal('NOT_FOUND', { what: 'firmware', id: toHex(sha256) })
    return row
  }

  /** @throws Refusal `NOT_FOUND`, `FIRMWARE_PRUNED`. */
  async getHeld(namespace: string, sha256: Uint8Array): Promise<FirmwareRow> {
    const row = await this.get(namespace, sha256)
    if (row.prunedAt !== null) throw new Refusal('FIRMWARE_PRUNED', { sha256: toHex(sha256) })
    return row
  }

  /** The newest first; `after` is a digest. */
  async list<T>(namespace: string, page: PageQuery, view: (row: FirmwareRow) => T): Promise<Page<T>> {
    const before = page.after === undefined ? null : await this.get(namespace, requireSha256('after', page.after))
    const rows = await this.database
      .getRepository(FirmwareRow)
      .createQueryBuilder('f')
      .where('f.namespace = :namespace', { namespace })
      .andWhere(before === null ? 'true' : '(f.uploadedAt, f.sha256) < (:at, :sha256)', {
        at: before?.uploadedAt,
        sha256: before?.sha256,
      })
      .orderBy({ 'f.uploadedAt': 'DESC', 'f.sha256': 'DESC' })
      .take(page.limit + 1)
      .getMany()
    return pageOf(rows, page.limit, (row) => toHex(row.sha256), view)
  }
}
