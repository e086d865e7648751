import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { Roles } from '../access/roles.decorator.js'
import { eventTypePattern } from '../events/event-store.service.js'
import { ZodBody, ZodQuery } from '../http/zod-body.decorator.js'
import { pageQuery, type Page, type PageQuery } from '../request-fields.js'
import type { DeliveryRow, WebhookRow } from './webhook.row.js'
import { WebhookService } from './webhook.service.js'

const NewWebhook = z.strictObject({ url: z.string().max(2_048), types: z.array(eventTypePattern).min(1).max(32) })
type NewWebhook = z.infer<typeof NewWebhook>
const Replay = z.strictObject({ since: z.number().int().min(0) })
type Replay = z.infer<typeof Replay>

export interface WebhookView {
  readonly id: string
  readonly url: string
  readonly types: readonly string[]
  readonly createdAt: number
  readonly createdBy: string
  readonly disabled: { readonly at: number; readonly why: string } | null
}
export interface DeliveryView {
  readonly position: number
  readonly state: string
  readonly attempts: number
  readonly nextAttemptMs: number | null
  readonly lastAnswer: string | null
  readonly changedAt: number
}

/** Other systems that are told of events. */
@ApiTags('webhooks')
@Controller('api/v1/:product/:environment/webhooks')
@Roles('security-officer')
export class WebhookController {
  constructor(private readonly webhooks: WebhookService) {}

  /** The secret in the answer is shown once. */
  @Post()
  async create(
    @FromCaller() caller: Caller,
    @ZodBody(NewWebhook) body: NewWebhook,
  ): Promise<WebhookView & { readonly secret: string }> {
    const { row, secret } = await this.webhooks.create(body.url, body.types, caller)
    return { ...viewOf(row), secret }
  }

  @Get()
  async list(@FromCaller() { namespace }: Caller, @ZodQuery(pageQuery) page: PageQuery): Promise<Page<WebhookView>> {
    const { items, next } = await this.webhooks.list(namespace, page)
    return { items: items.map(viewOf), next }
  }

  @Delete(':id')
  @HttpCode(204)
  remove(@FromCaller() caller: Caller, @Param('id') id: string): Promise<void> {
    return this.webhooks.remove(id, caller)
  }

  @Get(':id/deliveries')
  async deliveries(
    @FromCaller() { namespace }: Caller,
    @Param('id') id: string,
    @ZodQuery(pageQuery) page: PageQuery,
  ): Promise<Page<DeliveryView>> {
    const { items, next } = await this.webhooks.deliveries(namespace, id, page)
    return { items: items.map(deliveryView), next }
  }

  @Post(':id/replay')
  @HttpCode(200)
  async replay(
    @FromCaller() caller: Caller,
    @Param('id') id: string,
    @ZodBody(Replay) { since }: Replay,
  ): Promise<{ readonly messages: number }> {
    return { messages: await this.webhooks.replay(id, since, caller) }
  }
}

const viewOf = (row: WebhookRow): WebhookView => ({
  id: row.id,
  url: row.url,
  types: row.types,
  createdAt: row.created_at,
  createdBy: row.created_by,
  disabled: row.disabled_at === null ? null : { at: row.disabled_at, why: row.disabled_why ?? '' },
})

const deliveryView = (row: DeliveryRow): DeliveryView => ({
  position: row.event_position,
  state: row.state,
  attempts: row.attempts,
  nextAttemptMs: row.state === 'waiting' ? row.next_ms : null,
  lastAnswer: row.last_answer,
  changedAt: row.changed_at,
})
