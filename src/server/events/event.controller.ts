import { Controller, Get, Headers, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { Refusal } from '../../domain/refusal.js'
import { FromCaller, type Caller } from '../access/caller.decorator.js'
import { readers, Roles } from '../access/roles.decorator.js'
import { TokenService } from '../access/token.service.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { ZodQuery } from '../http/zod-body.decorator.js'
import { pageOf, pageQuery, requirePosition, type Page } from '../request-fields.js'
import { EventFeed } from './event-feed.service.js'
import { EventStore, eventTypePattern } from './event-store.service.js'
import { streamEvents } from './event-stream.js'

/** Streams that one token may have open at an instance. */
export const MAX_STREAMS = 64
const RETRY_AFTER_SECONDS = 15

const EventQuery = pageQuery.extend({ type: z.union([eventTypePattern, z.array(eventTypePattern).max(32)]).optional() })
type EventQuery = z.infer<typeof EventQuery>

export interface EventView {
  readonly id: string
  /** Pass as `after` for what follows. */
  readonly position: number
  readonly atMs: number
  readonly type: string
  readonly data: object
}

/** What happened in a namespace: a page of it as JSON, or all that comes as server-sent events, as `Accept` asks. */
@ApiTags('events')
@Controller('api/v1/:product/:environment/events')
@Roles(...readers)
export class EventController {
  /** Open streams of this instance by token. */
  private readonly streams = new Map<string, number>()

  constructor(
    private readonly events: EventStore,
    private readonly feed: EventFeed,
    private readonly tokens: TokenService,
    private readonly log: DecisionLog,
  ) {}

  @Get()
  async list(
    @FromCaller() { namespace, tokenId }: Caller,
    @ZodQuery(EventQuery) query: EventQuery,
    @Headers('accept') accept: string | undefined,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Page<EventView> | undefined> {
    const types = query.type === undefined ? ['*'] : [query.type].flat()
    await this.events.place()
    if (accept?.includes('text/event-stream') === true) {
      const from = lastEventId ?? query.after
      const after = from === undefined ? await this.events.newestPosition() : positionIn(from)
      this.requireRoom(tokenId)
      reply.hijack()
      const mayRead = (): Promise<boolean> => this.tokens.isValid(tokenId)
      this.count(tokenId, 1)
      void streamEvents(reply.raw, { namespace, after, types, mayRead }, this.events, this.feed)
        .catch((error: unknown) => this.log.error('event-stream.failed', error, { namespace }))
        .finally(() => this.count(tokenId, -1))
      return undefined
    }
    const rows = await this.events.read(namespace, positionIn(query.after ?? '0'), query.limit + 1, types)
    return pageOf(
      rows,
      query.limit,
      ({ position }) => String(position),
      ({ id, position, atMs, type, data }) => ({ id, position, atMs, type, data }),
    )
  }

  /** @throws Refusal `OVERLOADED`: one token must not hold all connections. */
  private requireRoom(tokenId: string): void {
    if ((this.streams.get(tokenId) ?? 0) >= MAX_STREAMS)
      throw new Refusal('OVERLOADED', { retryAfterSeconds: RETRY_AFTER_SECONDS })
  }

  private count(tokenId: string, change: number): void {
    const streams = (this.streams.get(tokenId) ?? 0) + change
    if (streams === 0) this.streams.delete(tokenId)
    else this.streams.set(tokenId, streams)
  }
}

const positionIn = (text: string): number => requirePosition('after', text, 'an event')
