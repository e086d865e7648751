import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import { DeviceFeed } from '../database/device-feed.service.js'
import { LastSeen } from '../device/last-seen.service.js'
import { KeptAnswers, type Kept } from '../kept-answers.js'
import { addShortcut } from '../request-shortcut.js'
import { hashShown, isShown } from '../shown-secret.js'
import { ServerConfig } from '../server-config.js'
import { TrustedProxies } from '../trusted-proxies.js'
import { isHeld, originOf, type DdiCall, type Rendered } from './ddi-call.js'

/** About a kilobyte each. Fleets beyond it are read in batches. */
const MAX_KEPT = 100_000

interface KeptPoll extends Kept {
  readonly namespace: string
  readonly deviceId: string
  readonly shownSha256: Uint8Array
  readonly host: string | undefined
  readonly origin: string
  readonly accept: string | undefined
  readonly etag: string
  /** One character a byte: head and body then leave in one piece. */
  readonly body: string
  readonly headers: readonly string[]
}

/**
 * Answers of polls that found nothing to do, kept until the database tells that something about the device changed. Such a poll
 * costs its authentication and its bytes: no query, and no way through the framework. Everything else is left to that.
 */
@Injectable()
export class IdlePolls implements OnModuleInit, BeforeApplicationShutdown {
  private readonly kept = new KeptAnswers<KeptPoll>(MAX_KEPT)
  private readonly proxies: TrustedProxies
  private isStopping = false

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly feed: DeviceFeed,
    private readonly seen: LastSeen,
    private readonly config: ServerConfig,
  ) {
    this.proxies = new TrustedProxies(config.trustedProxies)
  }

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

  /** Keeps an answer that names nothing to do, unless something changed since it was read. */
  keep(call: DdiCall, rendered: Rendered): void {
    const { request, target, origin, secret } = call
    if (secret === null || secret.tick === null || secret.tick !== this.feed.tick || target.work !== null) return
    const { namespace, deviceId } = target
    this.kept.keep({
      url: request.raw.url ?? '',
      device: `${namespace} ${deviceId}`,
      namespace,
      deviceId,
      shownSha256: hashShown(request.headers.authorization),
      host: request.headers.host,
      origin,
      accept: request.headers.accept,
      etag: rendered.etag,
      body: Buffer.from(rendered.body as string).toString('latin1'),
      headers: Object.entries(rendered.headers).flat(),
    })
  }

  private answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' || this.isStopping) return false
    const poll = this.kept.find(request.url ?? '')
    if (poll === undefined) return false
    const { headers } = request
    if (headers.accept !== poll.accept || !isShown(headers.authorization, poll.shownSha256)) return false
    if (!this.isAsSeen(poll, request)) return false
    this.seen.note(poll.namespace, poll.deviceId)
    const held = headers['if-none-match']
    if (held !== undefined && isHeld(held, poll.etag)) {
      response.writeHead(304, ['etag', poll.etag])
      response.end()
    } else {
      response.writeHead(200, poll.headers as string[])
      response.end(poll.body, 'latin1')
    }
    return true
  }

  /** Scheme and host are the client's own word but behind a proxy, which is looked at more closely. */
  private isAsSeen(poll: KeptPoll, request: IncomingMessage): boolean {
    if (!this.proxies.isTrusted(request)) return poll.host === request.headers.host
    return originOf(request, this.proxies, this.config.publicUrl).origin === poll.origin
  }
}
