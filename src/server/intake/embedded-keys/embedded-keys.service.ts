import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { fromHex, toHex } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import { Refusal } from '../../../domain/refusal.js'
import type { Caller } from '../../access/caller.decorator.js'
import { AuditService } from '../../audit/audit.service.js'
import { EmbeddedKeyRow } from './embedded-key.row.js'
import { EmbeddedKeys, type EmbeddedKey } from './embedded-keys.port.js'
import { readEmbeddedKey } from './read-embedded-key.js'

/** Every inspection tries them all. */
const MOST_KEYS = 100

@Injectable()
export class EmbeddedKeysService extends EmbeddedKeys {
  constructor(
    private readonly database: DataSource,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {
    super()
  }

  override async list(namespace: string): Promise<readonly EmbeddedKey[]> {
    return (await this.rows(namespace)).map((row) => ({
      id: toHex(row.sha256),
      kind: row.kind,
      der: new Uint8Array(row.der),
      label: row.label,
    }))
  }

  rows(namespace: string): Promise<EmbeddedKeyRow[]> {
    return this.database
      .getRepository(EmbeddedKeyRow)
      .find({ where: { namespace }, order: { registeredAt: 'ASC', sha256: 'ASC' }, take: MOST_KEYS })
  }

  /**
   * Registers a key. The same key again is the same registration, with its first label.
   * @throws Refusal `REQUEST_INVALID` as `readEmbeddedKey`, `CONFLICT` when the namespace has as many as it may.
   */
  async register(der: Uint8Array, label: string, caller: Caller): Promise<EmbeddedKeyRow> {
    const { namespace } = caller
    const { id, kind } = readEmbeddedKey(der)
    const sha256 = fromHex(id)
    const actor = caller.person ?? caller.label
    return this.database.transaction(async (manager) => {
      // Two at once would both find room for the last one.
      await manager.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 2))', [`embedded keys ${namespace}`])
      const held = await manager.findOneBy(EmbeddedKeyRow, { namespace, sha256 })
      if (held !== null) return held
      if ((await manager.countBy(EmbeddedKeyRow, { namespace })) >= MOST_KEYS)
        throw new Refusal('CONFLICT', { what: 'embedded key', why: `a namespace has ${MOST_KEYS} at most` })
      const registeredAt = this.clock.nowSeconds()
      const row = { namespace, sha256, kind, der, label, registeredAt, registeredBy: actor }
      await manager.insert(EmbeddedKeyRow, row)
      const detail = { key: id, kind, label, token: caller.tokenId }
      await this.audit.record(manager, { namespace, actor, event: 'embedded-key.registered', detail })
      return row
    })
  }

  /** What was found with it stays as it was found. @throws Refusal `NOT_FOUND`. */
  async remove(sha256: Uint8Array, caller: Caller): Promise<void> {
    const { namespace } = caller
    await this.database.transaction(async (manager) => {
      const done = await manager.delete(EmbeddedKeyRow, { namespace, sha256 })
      if (done.affected === 0) throw new Refusal('NOT_FOUND', { what: 'embedded key', id: toHex(sha256) })
      const detail = { key: toHex(sha256), token: caller.tokenId }
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: 'embedded-key.removed', detail })
    })
  }
}
