import { Injectable, type OnApplicationBootstrap, type BeforeApplicationShutdown } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { ServerClock } from '../clock/server-clock.port.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { MqttLink } from './mqtt-link.port.js'

export interface OutboxMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly isRetained?: boolean
  /** Seconds since the epoch; not sent after that. */
  readonly expiresAt: number
}

interface OutboxRow {
  readonly number: number
  readonly topic: string
  readonly payload: Buffer
  readonly is_retained: boolean
  readonly expires_at: number
}

const BATCH = 500
const RETRY_MS = 1_000

/** Messages that are written with the change they tell of, and leave after it: at least once, never without it. */
@Injectable()
export class OutboxService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined
  private running: Promise<void> | undefined
  private isWanted = false
  private isStopping = false

  constructor(
    private readonly database: DataSource,
    private readonly link: MqttLink,
    private readonly clock: ServerClock,
    private readonly log: DecisionLog,
  ) {}

  onApplicationBootstrap(): void {
    this.link.onConnected(() => this.wake())
    // Another instance may have written what it then could not send.
    this.timer = setInterval(() => this.wake(), RETRY_MS)
    this.timer.unref()
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true
    clearInterval(this.timer)
    await this.running
  }

  /** Adds messages in the caller's transaction. Call `wake` after its commit. */
  async enqueue(manager: EntityManager, messages: readonly OutboxMessage[]): Promise<void> {
    if (messages.length === 0) return
    const replaced = messages.filter((each) => each.isRetained === true).map((each) => each.topic)
    // What is retained is only ever the newest: an older one that still waits is not worth sending.
    if (replaced.length > 0)
      await manager.query('DELETE FROM mqtt_outbox WHERE is_retained AND topic = ANY($1)', [replaced])
    await manager.query(
      `INSERT INTO mqtt_outbox (topic, payload, is_retained, expires_at, created_ms)
       SELECT topic, payload, is_retained, expires_at, $5 FROM unnest($1::text[], $2::bytea[], $3::boolean[], $4::bigint[])
         AS new (topic, payload, is_retained, expires_at)`,
      [
        messages.map((each) => each.topic),
        messages.map((each) => Buffer.from(each.payload)),
        messages.map((each) => each.isRetained ?? false),
        messages.map((each) => each.expiresAt),
        this.clock.nowMs(),
      ],
    )
  }

  /** Sends what waits, without being waited for. */
  wake(): void {
    this.isWanted = true
    if (this.running !== undefined || this.isStopping || !this.link.isConnected) return
    this.running = this.drain()
      .catch((error: unknown) => this.log.error('outbox.failed', error))
      .finally(() => {
        this.running = undefined
      })
  }

  private async drain(): Promise<void> {
    do {
      this.isWanted = false
      while (!this.isStopping && this.link.isConnected && (await this.sendBatch()) === BATCH);
    } while (this.isWanted && !this.isStopping && this.link.isConnected)
  }

  /** Rows are locked while they are sent and gone when they are: two instances never share one, a crash gives it back. */
  private async sendBatch(): Promise<number> {
    return this.database.transaction(async (manager) => {
      const rows = await manager.query<OutboxRow[]>(
        `SELECT number, topic, payload, is_retained, expires_at FROM mqtt_outbox ORDER BY number LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`,
      )
      if (rows.length === 0) return 0
      const now = this.clock.nowSeconds()
      const results = await Promise.allSettled(rows.map((row) => this.send(row, now)))
      const done = rows.filter((_, index) => results[index]?.status === 'fulfilled')
      await manager.query('DELETE FROM mqtt_outbox WHERE number = ANY($1)', [done.map((row) => row.number)])
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined)
        this.log.info('outbox.delayed', { why: String(failed.reason), messages: rows.length - done.length })
      // A part that failed ends this round; the timer or the next connection begins another.
      return failed === undefined ? rows.length : 0
    })
  }

  private async send(row: OutboxRow, now: number): Promise<void> {
    if (row.expires_at <= now) return
    const { topic, payload, is_retained: isRetained } = row
    await this.link.publish({ topic, payload, isRetained, expirySeconds: isRetained ? null : row.expires_at - now })
  }
}
