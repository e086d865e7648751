import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import { DeviceFeed } from '../database/device-feed.service.js'
import { isHeld } from '../entity-tag.js'
import { KeptAnswers, type Kept } from './kept-answers.js'
import { LastSeen } from './last-seen.service.js'
import { addShortcut } from './request-shortcut.js'
import { PollKeys } from './poll-keys.js'

/** About a kilobyte each. Fleets beyond it are read from the database, at one query a poll or less. */
const MAX_KEPT = 200_000

/** What a poll without work was answered. */
export interface IdleAnswer {
  readonly namespace: string
  readonly deviceId: string
  /** The device feed's before the device was looked up. */
  readonly tick: number | null
  readonly etag: string
  readonly body: string | Uint8Array
  /** As the framework writes them, so that an answer is the same whichever way it goes. */
  readonly headers: Readonly<Record<string, string>>
  /** Whether it is still the answer to this request, which asks in the same words; for what the device feed does not tell. */
  readonly isStill: (request: IncomingMessage) => boolean
}
interface KeptPoll extends Kept {
  readonly namespace: string
  readonly deviceId: string
  readonly etag: string
  /** One character a byte, like the head. */
  readonly body: string
  readonly headers: string[]
  readonly isStill: IdleAnswer['isStill']
  /** The round of notes that has it. */
  notedIn: number
}

/**
 * Answers of polls that found nothing to do, kept until the database tells that something about the device changed. Such a poll
 * costs its authentication and its bytes: no query, and no way through the framework. Everything else is left to that.
 */
@Injectable()
export class IdlePolls implements OnModuleInit, BeforeApplicationShutdown {
  private readonly kept = new KeptAnswers<KeptPoll>(MAX_KEPT)
  private readonly keys = new PollKeys()
  private isStopping = false

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly feed: DeviceFeed,
    private readonly seen: LastSeen,
  ) {}

  onModuleInit(): void {
    this.feed.listen({
      changed: (namespace, deviceId) => this.kept.drop(`${namespace} ${deviceId}`),
      missed: () => this.kept.clear(),
    })
    const { server } = this.adapter.httpAdapter.getInstance<FastifyInstance>()
    addShortcut(server, (request, response) => this.answer(request, response))
  }

  /** What is under way at the end is ended by the framework, which knows how. */
  beforeApplicationShutdown(): void {
    this.isStopping = true
  }

  /** @param request as it was asked, authentic by its `Authorization`. Nothing is kept when anything changed since the device was looked up. */
  keep(request: IncomingMessage, idle: IdleAnswer): void {
    const key = this.keys.of(request)
    if (idle.tick === null || idle.tick !== this.feed.tick || key === null) return
    const { namespace, deviceId, etag, body, headers, isStill } = idle
    this.kept.keep({
      key,
      device: `${namespace} ${deviceId}`,
      namespace,
      deviceId,
      etag,
      body: Buffer.from(body).toString('latin1'),
      headers: Object.entries(headers).flat(),
      isStill,
      notedIn: -1,
    })
  }

  private answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' || this.isStopping) return false
    const key = this.keys.of(request)
    const poll = key === null ? undefined : this.kept.find(key)
    if (poll === undefined || !poll.isStill(request)) return false
    this.note(poll)
    const held = request.headers['if-none-match']
    if (held !== undefined && isHeld(held, poll.etag)) {
      response.writeHead(304, ['etag', poll.etag])
      response.end()
    } else {
      sendWhole(response, poll)
    }
    return true
  }

  /** Once in a round is enough: that is how exact the time is. */
  private note(poll: KeptPoll): void {
    const { round } = this.seen
    if (poll.notedIn === round) return
    poll.notedIn = round
    this.seen.note(poll.namespace, poll.deviceId)
  }
}

/**
 * Head and body leave in one piece and at once. By itself `end(body)` would hold them back, add an empty piece and have the kernel
 * gather the two: a tenth of what the whole poll costs.
 */
function sendWhole(response: ServerResponse, { headers, body }: Pick<KeptPoll, 'headers' | 'body'>): void {
  // None while an answer before it on the same connection is under way; then it waits for that in any case.
  const { socket } = response
  response.writeHead(200, headers)
  socket?.cork()
  response.write(body, 'latin1')
  socket?.uncork()
  response.end()
}
