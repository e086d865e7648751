import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { EventStore, likePatterns } from '../events/event-store.service.js'
import { pageOf, requirePosition, requireUuid, type Page, type PageQuery } from '../request-fields.js'
import { ServerConfig } from '../server-config.js'
import { secretText, webhookSecret } from './webhook-signature.js'
import type { DeliveryRow, WebhookRow } from './webhook.row.js'

const MAX_WEBHOOKS = 32
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

/** Webhooks as people set them up. */
@Injectable()
export class WebhookService {
  constructor(
    private readonly database: DataSource,
    private readonly config: ServerConfig,
    private readonly events: EventStore,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Adds a webhook that is told of what happens from now on.
   * @returns its row and the secret, which is never shown again.
   * @throws Refusal `REQUEST_INVALID` naming the field, `CONFIGURATION` without a key, `CONFLICT` for too many.
   */
  async create(url: string, types: readonly string[], caller: Caller): Promise<{ row: WebhookRow; secret: string }> {
    const key = this.requireKey()
    requireUrl(url, this.config.profile)
    const { namespace } = caller
    const id = randomUUID()
    const createdBy = caller.person ?? caller.label
    await this.events.place()
    await this.database.transaction(async (manager) => {
      const [held] = await manager.query<{ count: number }[]>(
        'SELECT count(*) AS count FROM webhook WHERE namespace = $1',
        [namespace],
      )
      if ((held?.count ?? 0) >= MAX_WEBHOOKS)
        throw new Refusal('CONFLICT', { what: 'webhook', why: `a namespace has at most ${MAX_WEBHOOKS}` })
      await manager.query(
        `INSERT INTO webhook (id, namespace, url, types, created_at, created_by, position)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [id, namespace, url, types, this.clock.nowSeconds(), createdBy, await this.events.newestPosition()],
      )
      const detail = { webhook: id, host: new URL(url).host }
      await this.audit.record(manager, { namespace, actor: createdBy, event: 'webhook.created', detail })
    })
    return { row: await this.get(namespace, id), secret: secretText(webhookSecret(key, id)) }
  }

  async list(namespace: string, page: PageQuery): Promise<Page<WebhookRow>> {
    const rows = await this.database.query<WebhookRow[]>(
      'SELECT * FROM webhook WHERE namespace = $1 AND id::text > $2 ORDER BY id::text LIMIT $3',
      [namespace, page.after ?? '', page.limit + 1],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => row.id,
      (row) => row,
    )
  }

  /** @throws Refusal `NOT_FOUND`. */
  async get(namespace: string, id: string): Promise<WebhookRow> {
    const [row] = await this.database.query<WebhookRow[]>('SELECT * FROM webhook WHERE namespace = $1 AND id = $2', [
      namespace,
      requireUuid('webhook', id),
    ])
    if (row === undefined) throw new Refusal('NOT_FOUND', { what: 'webhook', id })
    return row
  }

  async remove(id: string, caller: Caller): Promise<void> {
    const { namespace } = caller
    await this.get(namespace, id)
    await this.database.transaction(async (manager) => {
      await manager.query('DELETE FROM webhook WHERE id = $1', [id])
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: 'webhook.removed', detail: { webhook: id } })
    })
  }

  /** The newest deliveries first. */
  async deliveries(namespace: string, id: string, page: PageQuery): Promise<Page<DeliveryRow>> {
    await this.get(namespace, id)
    const before = page.after === undefined ? Number.MAX_SAFE_INTEGER : requirePosition('after', page.after, 'an event')
    const rows = await this.database.query<DeliveryRow[]>(
      `SELECT * FROM webhook_delivery WHERE webhook_id = $1 AND event_position < $2 ORDER BY event_position DESC LIMIT $3`,
      [id, before, page.limit + 1],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => String(row.event_position),
      (row) => row,
    )
  }

  /**
   * Sends everything again that happened at or after that time and is of its types, what was delivered too; wakes a webhook
   * that was disabled, which begins again from now. @returns how many messages.
   */
  async replay(id: string, sinceSeconds: number, caller: Caller): Promise<number> {
    const { namespace } = caller
    const webhook = await this.get(namespace, id)
    await this.events.place()
    return this.database.transaction(async (manager) => {
      const now = this.clock.nowSeconds()
      const [rows] = await manager.query<[unknown[], number]>(
        `WITH again AS (
           INSERT INTO webhook_delivery (webhook_id, event_position, state, next_ms, changed_at)
           SELECT $1::uuid, position, 'waiting', 0, $5 FROM event
           WHERE namespace = $2 AND at_ms >= $3 AND position IS NOT NULL AND type LIKE ANY ($4::text[])
           ON CONFLICT (webhook_id, event_position) DO UPDATE SET state = 'waiting', attempts = 0, next_ms = 0, changed_at = $5
           RETURNING event_position)
         UPDATE webhook SET disabled_at = NULL, disabled_why = NULL,
           position = CASE WHEN disabled_at IS NULL THEN position ELSE (SELECT coalesce(max(position), 0) FROM event) END
         WHERE id = $1 RETURNING (SELECT count(*) FROM again) AS messages`,
        [id, namespace, sinceSeconds * 1_000, likePatterns(webhook.types), now],
      )
      const messages = (rows as { messages: number }[])[0]?.messages ?? 0
      const actor = caller.person ?? caller.label
      const detail = { webhook: id, since: sinceSeconds, messages }
      await this.audit.record(manager, { namespace, actor, event: 'webhook.replayed', detail })
      return messages
    })
  }

  private requireKey(): Uint8Array {
    const key = this.config.webhookKey
    if (key !== null) return key
    throw new Refusal('CONFIGURATION', { name: 'WEBHOOK_SECRET_FILE', why: 'not set, so messages could not be signed' })
  }
}

/** What events tell is not for everybody on the way. */
function requireUrl(text: string, profile: ServerConfig['profile']): void {
  const refuse = (why: string): never => {
    throw new Refusal('REQUEST_INVALID', { field: 'url', why })
  }
  const url = URL.canParse(text) ? new URL(text) : refuse('not an address')
  if (url.username !== '' || url.password !== '') refuse('holds a user name or password')
  if (url.hash !== '') refuse('holds a fragment')
  const isLocal = profile === 'laptop' && LOOPBACK.has(url.hostname)
  if (url.protocol !== 'https:' && !(isLocal && url.protocol === 'http:')) refuse('not https')
}
