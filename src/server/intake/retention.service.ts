import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { FirmwareStore } from '../storage/firmware-store.port.js'
import { lockDigest } from './digest-lock.js'

export interface PrunedFirmware {
  readonly sha256: string
  readonly sizeBytes: number
  readonly usedAt: number
}

/**
 * Not used for so long, and no release needs it. A signed release needs its firmware for ever: it may be rolled out, be the
 * fallback of another, or be on its way to a device in an open rollout. One that awaits approval or was overtaken may be signed
 * yet. Only a rejected one needs nothing more.
 */
const UNNEEDED = `f.namespace = $1 AND f.pruned_at IS NULL AND f.used_at < $2 AND NOT EXISTS (
  SELECT FROM release r WHERE r.namespace = f.namespace AND r.image_sha256 = f.sha256 AND r.state <> 'rejected')`

/** Most that one call gives up; the next call goes on. */
const MOST = 1_000

interface Row {
  readonly sha256: Buffer
  readonly size_bytes: number
  readonly used_at: number
}

/** Gives up firmware that nothing needs. Its row stays, with its submissions: what was once here is not forgotten. */
@Injectable()
export class RetentionService {
  constructor(
    private readonly database: DataSource,
    private readonly store: FirmwareStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** What `prune` would give up now. */
  async preview(namespace: string, unusedSeconds: number): Promise<PrunedFirmware[]> {
    const rows = await this.database.query<Row[]>(
      `SELECT f.sha256, f.size_bytes, f.used_at FROM firmware f WHERE ${UNNEEDED} ORDER BY f.used_at LIMIT ${MOST}`,
      [namespace, this.clock.nowSeconds() - unusedSeconds],
    )
    return rows.map(viewOf)
  }

  /**
   * One statement decides. A release that is being made of the same firmware changes `used_at` of its row: of the two the later
   * waits for the row, and then sees what the earlier did. (That a release appeared meanwhile it would not see: the inner
   * question is asked once.)
   */
  async prune(unusedSeconds: number, caller: Caller): Promise<PrunedFirmware[]> {
    const { namespace } = caller
    const now = this.clock.nowSeconds()
    const rows = await this.database.transaction(async (manager) => {
      const [pruned] = await manager.query<[Row[], number]>(
        `UPDATE firmware SET pruned_at = $3 WHERE pruned_at IS NULL AND used_at < $2 AND (namespace, sha256) IN (
          SELECT f.namespace, f.sha256 FROM firmware f WHERE ${UNNEEDED} ORDER BY f.used_at LIMIT ${MOST})
          RETURNING sha256, size_bytes, used_at`,
        [namespace, now - unusedSeconds, now],
      )
      for (const row of pruned) await this.note(manager, row, caller)
      return pruned
    })
    for (const { sha256 } of rows) await this.removeUnheld(new Uint8Array(sha256))
    return rows.map(viewOf)
  }

  /** Removes bytes that no namespace has. @returns whether there were none. */
  async removeUnheld(sha256: Uint8Array): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      await lockDigest(manager, sha256)
      const held = await manager.query<unknown[]>(
        'SELECT FROM firmware WHERE sha256 = $1 AND pruned_at IS NULL LIMIT 1',
        [Buffer.from(sha256)],
      )
      if (held.length > 0) return false
      await this.store.remove(sha256)
      return true
    })
  }

  private async note(manager: EntityManager, row: Row, caller: Caller): Promise<void> {
    const { namespace } = caller
    const detail = { sha256: toHex(row.sha256), sizeBytes: row.size_bytes, token: caller.tokenId }
    const actor = caller.person ?? caller.label
    await this.audit.record(manager, { namespace, actor, event: 'firmware.pruned', detail })
  }
}

const viewOf = (row: Row): PrunedFirmware => ({
  sha256: toHex(row.sha256),
  sizeBytes: row.size_bytes,
  usedAt: row.used_at,
})
