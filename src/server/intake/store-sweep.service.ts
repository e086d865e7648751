import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { RepeatedRound } from '../repeated-round.js'
import { FirmwareStore } from '../storage/firmware-store.port.js'
import { FirmwareWriter } from '../storage/firmware-writer.service.js'
import { OwnUploads } from './own-uploads.service.js'
import { RetentionService } from './retention.service.js'

const EVERY_MS = 3_600_000
/** Bytes of no upload, and of another instance, that have not grown for so long have lost their process. A part of S3 is 8 MiB. */
const STALE_MS = 3_600_000
const BATCH = 500

/** Clears up what uploads left behind that nobody finished, and what a crash left between the store and the table. */
@Injectable()
export class StoreSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly failed = (error: unknown): void => this.log.error('store.sweep-failed', error)
  private readonly rounds = new RepeatedRound(EVERY_MS, () => this.sweep(), this.failed)

  constructor(
    private readonly database: DataSource,
    private readonly store: FirmwareStore,
    private readonly writer: FirmwareWriter,
    private readonly retention: RetentionService,
    private readonly clock: Clock,
    private readonly names: OwnUploads,
    private readonly log: DecisionLog,
  ) {}

  /** A store that is down does not keep the server from serving. */
  onApplicationBootstrap(): void {
    this.rounds.begin()
    void this.rounds.round().catch(this.failed)
  }

  onModuleDestroy(): Promise<void> {
    return this.rounds.end()
  }

  async sweep(): Promise<void> {
    const expired = await this.expire()
    const leftovers = await this.discardLeftovers()
    const orphans = await this.removeOrphans()
    if (expired + leftovers + orphans > 0) this.log.info('store.swept', { expired, leftovers, orphans })
  }

  /** Nobody goes on with it: its time is over, or no token of its owner is good any more. One that is being worked on may still end well. */
  private async expire(): Promise<number> {
    const [rows] = await this.database.query<[{ id: string }[], number]>(
      `DELETE FROM upload u WHERE (lease_until IS NULL OR lease_until < clock_timestamp()) AND (expires_at <= $1 OR NOT EXISTS (
          SELECT FROM api_token t WHERE t.namespace = u.namespace AND (t.id = u.token_id OR t.person = u.actor)
            AND t.revoked_at IS NULL AND t.expires_at > $1)) RETURNING id`,
      [this.clock.nowSeconds()],
    )
    for (const { id } of rows) await this.writer.discard(id)
    return rows.length
  }

  private async discardLeftovers(): Promise<number> {
    const staleMs = this.clock.nowSeconds() * 1_000 - STALE_MS
    let count = 0
    for await (const { id, changedMs } of this.store.listIncoming()) {
      if (this.names.isLive(id)) continue
      if (!this.names.isDead(id) && (changedMs > staleMs || (await this.isOpen(id)))) continue
      await this.writer.discard(id)
      count += 1
    }
    return count
  }

  private async isOpen(id: string): Promise<boolean> {
    return (await this.database.query<unknown[]>('SELECT FROM upload WHERE id::text = $1', [id])).length > 0
  }

  /** Bytes whose row was never written, or was given up while they could not be removed. */
  private async removeOrphans(): Promise<number> {
    let count = 0
    let batch: Uint8Array[] = []
    const settle = async (): Promise<void> => {
      for (const sha256 of await this.withoutRow(batch)) if (await this.retention.removeUnheld(sha256)) count += 1
      batch = []
    }
    for await (const sha256 of this.store.list()) if (batch.push(sha256) >= BATCH) await settle()
    await settle()
    return count
  }

  private async withoutRow(batch: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const rows = await this.database.query<{ sha256: Buffer }[]>(
      'SELECT DISTINCT sha256 FROM firmware WHERE pruned_at IS NULL AND sha256 = ANY($1::bytea[])',
      [batch.map((each) => Buffer.from(each))],
    )
    const held = new Set(rows.map((row) => toHex(row.sha256)))
    return batch.filter((sha256) => !held.has(toHex(sha256)))
  }
}
