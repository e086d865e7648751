import type { Readable } from 'node:stream'
import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { pageOf, requireSha256, type Page, type PageQuery } from '../request-fields.js'
import { FirmwareStore } from '../storage/firmware-store.port.js'
import { FirmwareRow } from './firmware.row.js'

/** Firmware that was uploaded to a namespace. What another namespace uploaded does not exist here. */
@Injectable()
export class FirmwareService {
  constructor(
    private readonly database: DataSource,
    private readonly store: FirmwareStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** @returns whether it is new. @throws Refusal as `FirmwareStore.put`. */
  async upload(sha256: Uint8Array, source: Readable, sizeBytes: number, caller: Caller): Promise<boolean> {
    const { namespace } = caller
    if ((await this.find(namespace, sha256)) !== null) {
      source.resume()
      return false
    }
    // Bytes first, row second: a row always has its bytes.
    await this.store.put(sha256, source, sizeBytes)
    return this.database.transaction(async (manager) => {
      const actor = caller.person ?? caller.label
      const row = { namespace, sha256, sizeBytes, uploadedAt: this.clock.nowSeconds(), uploadedBy: actor }
      const added = await manager
        .createQueryBuilder()
        .insert()
        .into(FirmwareRow)
        .values(row)
        .orIgnore()
        .returning('size_bytes')
        .execute()
      if ((added.raw as unknown[]).length === 0) return false
      const detail = { sha256: toHex(sha256), sizeBytes, token: caller.tokenId }
      await this.audit.record(manager, { namespace, actor, event: 'firmware.uploaded', detail })
      return true
    })
  }

  find(namespace: string, sha256: Uint8Array): Promise<FirmwareRow | null> {
    return this.database.getRepository(FirmwareRow).findOneBy({ namespace, sha256 })
  }

  /** @throws Refusal `NOT_FOUND`. */
  async get(namespace: string, sha256: Uint8Array): Promise<FirmwareRow> {
    const row = await this.find(namespace, sha256)
    if (row === null) throw new Refusal('NOT_FOUND', { what: 'firmware', id: toHex(sha256) })
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
