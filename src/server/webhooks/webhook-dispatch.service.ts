import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { sha256, utf8 } from '../../domain/bytes.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { EventStore, type StoredEvent } from '../events/event-store.service.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { RepeatedRound } from '../repeated-round.js'
import { ServerConfig } from '../server-config.js'
import { retryDelayMs } from './retry-delay.js'
import { sendEvent, type SendOutcome } from './webhook-sender.js'
import { webhookSecret } from './webhook-signature.js'

const ROUND_MS = 1_000
const BATCH = 20
const MAX_FANNED = 1_000
/** Longer than a try may take: after a crash another instance tries again. */
const LEASE_MS = 60_000
const HOUR_MS = 3_600_000
const KEPT_SECONDS = 30 * 86_400

interface Due {
  readonly webhook_id: string
  readonly event_position: number
  readonly attempts: number
  readonly url: string
}

/** Brings events to webhooks. Every instance runs it; rows decide who sends what. A receiver that hangs keeps up its own messages alone. */
@Injectable()
export class WebhookDispatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: RepeatedRound
  /** What is being sent just now, by webhook. */
  private readonly sending = new Map<string, Promise<void>>()
  private cleanedMs = 0

  constructor(
    private readonly database: DataSource,
    private readonly config: ServerConfig,
    private readonly events: EventStore,
    private readonly clock: ServerClock,
    private readonly log: DecisionLog,
  ) {
    const failed = (error: unknown): void => log.error('webhook.round.failed', error)
    this.rounds = new RepeatedRound(ROUND_MS, () => this.work(), failed)
  }

  onApplicationBootstrap(): void {
    this.rounds.begin()
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.rounds.end()
    await this.sent()
  }

  /** One round, and until all that was due then was tried. */
  async round(): Promise<void> {
    await this.rounds.round()
    await this.sent()
  }

  private async sent(): Promise<void> {
    await Promise.all(this.sending.values())
  }

  private async work(): Promise<void> {
    await this.forgetOld()
    const key = this.config.webhookKey
    if (key === null) return
    const [any] = await this.database.query<unknown[]>('SELECT 1 FROM webhook WHERE disabled_at IS NULL LIMIT 1')
    if (any === undefined) return
    await this.events.place()
    await this.fanOut()
    for (const id of await this.findDue()) if (!this.sending.has(id)) this.beginSending(id, key)
  }

  /** The next round does not wait for it: a receiver may take long for each message. */
  private beginSending(id: string, key: Uint8Array): void {
    const sending = this.sendAll(id, key)
      .catch((error: unknown) => this.log.error('webhook.round.failed', error, { webhook: id }))
      .finally(() => this.sending.delete(id))
    this.sending.set(id, sending)
  }

  private async sendAll(id: string, key: Uint8Array): Promise<void> {
    while (!this.rounds.isStopping && (await this.sendDue(id, key)) === BATCH);
  }

  private async findDue(): Promise<readonly string[]> {
    const rows = await this.database.query<{ id: string }[]>(
      `SELECT id FROM webhook w WHERE disabled_at IS NULL AND EXISTS (SELECT 1 FROM webhook_delivery d
         WHERE d.webhook_id = w.id AND d.state = 'waiting' AND d.next_ms <= $1)`,
      [this.clock.nowMs()],
    )
    return rows.map(({ id }) => id)
  }

  /** Gives every webhook its deliveries of newer events; two instances take turns by the row's lock. */
  private async fanOut(): Promise<void> {
    await this.database.query(
      `WITH w AS (SELECT * FROM webhook WHERE disabled_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED),
         fresh AS (SELECT w.id, e.position, e.type LIKE ANY (SELECT replace(t, '*', '%') FROM unnest(w.types) t) AS fits
           FROM w CROSS JOIN LATERAL (SELECT * FROM event e WHERE e.namespace = w.namespace AND e.position > w.position
             ORDER BY e.position LIMIT ${MAX_FANNED}) e),
         added AS (INSERT INTO webhook_delivery (webhook_id, event_position, state, next_ms, changed_at)
           SELECT id, position, 'waiting', 0, $1 FROM fresh WHERE fits ON CONFLICT DO NOTHING)
       UPDATE webhook SET position = f.last FROM (SELECT id, max(position) AS last FROM fresh GROUP BY id) f
       WHERE webhook.id = f.id`,
      [this.clock.nowSeconds()],
    )
  }

  private async sendDue(id: string, key: Uint8Array): Promise<number> {
    const nowMs = this.clock.nowMs()
    const [due] = await this.database.query<[Due[], number]>(
      `UPDATE webhook_delivery d SET next_ms = $1::bigint + ${LEASE_MS}, attempts = d.attempts + 1 FROM webhook w
       WHERE w.id = d.webhook_id AND (d.webhook_id, d.event_position) IN (
         SELECT p.webhook_id, p.event_position FROM webhook_delivery p JOIN webhook o ON o.id = p.webhook_id
         WHERE p.webhook_id = $2 AND p.state = 'waiting' AND p.next_ms <= $1 AND o.disabled_at IS NULL
         ORDER BY p.next_ms, p.event_position LIMIT ${BATCH} FOR UPDATE OF p SKIP LOCKED)
       RETURNING d.webhook_id, d.event_position, d.attempts, w.url`,
      [nowMs, id],
    )
    const events = new Map(
      (await this.events.readAt(due.map((each) => each.event_position))).map((each) => [each.position, each]),
    )
    await Promise.all(due.map((each) => this.send(each, events.get(each.event_position), key)))
    return due.length
  }

  private async send(due: Due, event: StoredEvent | undefined, key: Uint8Array): Promise<void> {
    const outcome: SendOutcome =
      event === undefined
        ? { isDelivered: false, isGone: false, answer: 'the event is no longer kept' }
        : await sendEvent(due.url, webhookSecret(key, due.webhook_id), event, this.clock.nowSeconds())
    const delay = event === undefined || outcome.isGone ? null : retryDelayMs(due.attempts, shareOf(due))
    const state = outcome.isDelivered ? 'delivered' : delay === null ? 'given-up' : 'waiting'
    await this.database.query(
      `UPDATE webhook_delivery SET state = $3, next_ms = $4, last_answer = $5, changed_at = $6
       WHERE webhook_id = $1 AND event_position = $2`,
      [
        due.webhook_id,
        due.event_position,
        state,
        this.clock.nowMs() + (delay ?? 0),
        outcome.answer,
        this.clock.nowSeconds(),
      ],
    )
    if (outcome.isGone) await this.disable(due.webhook_id, 'the receiver answered 410: it wants no more')
    const { webhook_id: webhook, attempts } = due
    if (state !== 'delivered')
      this.log.info('webhook.not-delivered', { webhook, attempts, answer: outcome.answer, state })
  }

  private async disable(id: string, why: string): Promise<void> {
    await this.database.query(
      'UPDATE webhook SET disabled_at = $2, disabled_why = $3 WHERE id = $1 AND disabled_at IS NULL',
      [id, this.clock.nowSeconds(), why],
    )
  }

  private async forgetOld(): Promise<void> {
    if (this.clock.nowMs() - this.cleanedMs < HOUR_MS) return
    this.cleanedMs = this.clock.nowMs()
    await this.events.forgetOld()
    await this.database.query(`DELETE FROM webhook_delivery WHERE state <> 'waiting' AND changed_at < $1`, [
      this.clock.nowSeconds() - KEPT_SECONDS,
    ])
  }
}

/** From 0 to 1, another for each try, the same for every instance. */
const shareOf = ({ webhook_id, event_position, attempts }: Due): number =>
  Buffer.from(sha256(utf8(`${webhook_id}/${event_position}/${attempts}`))).readUInt32BE() / 0xffff_ffff
