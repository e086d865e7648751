import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import { CBOR_MEDIA_TYPE } from '../../protocol/device-http.js'
import { DeviceFeed } from '../database/device-feed.service.js'
import { TrustService } from '../keys/trust.service.js'
import { KeptAnswers, type Kept } from '../kept-answers.js'
import type { TrustSnapshot } from '../rollout/release-guard.service.js'
import { addShortcut } from '../request-shortcut.js'
import { hashShown, isShown } from '../shown-secret.js'
import { LastSeen } from './last-seen.service.js'

/** About two kilobytes each. */
const MAX_KEPT = 100_000

/** What a poll without work was answered, and what that was made of. */
export interface IdleAnswer {
  readonly namespace: string
  readonly deviceId: string
  readonly trust: TrustSnapshot
  /** The device feed's before the device was looked up. */
  readonly tick: number | null
  readonly etag: string
  readonly body: Uint8Array
}
interface KeptPoll extends Kept {
  readonly namespace: string
  readonly deviceId: string
  readonly shownSha256: Uint8Array
  readonly trust: TrustSnapshot
  readonly etag: string
  /** One character a byte: head and body then leave in one piece. */
  readonly body: string
  readonly headers: string[]
}

/**
 * Answers of polls that found nothing to do, kept until the database tells that something about the device changed, or a trust document
 * is new. Such a poll costs its authentication and its bytes; everything else is left to the usual way.
 */
@Injectable()
export class NativeIdlePolls implements OnModuleInit, BeforeApplicationShutdown {
  private readonly kept = new KeptAnswers<KeptPoll>(MAX_KEPT)
  private isStopping = false

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly feed: DeviceFeed,
    private readonly trust: TrustService,
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

  /** @param request as it was asked, authentic; what the device holds is in its address. */
  keep({ url = '', headers: asked }: IncomingMessage, idle: IdleAnswer): void {
    if (idle.tick === null || idle.tick !== this.feed.tick) return
    const { namespace, deviceId, trust, etag } = idle
    const body = Buffer.from(idle.body)
    const headers = [
      ['etag', etag],
      ['content-type', CBOR_MEDIA_TYPE],
      ['cache-control', 'private, no-cache'],
      ['content-length', String(body.length)],
    ].flat()
    this.kept.keep({
      url,
      device: `${namespace} ${deviceId}`,
      namespace,
      deviceId,
      shownSha256: hashShown(asked.authorization),
      trust,
      etag,
      body: body.toString('latin1'),
      headers,
    })
  }

  private answer(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'GET' || this.isStopping) return false
    const poll = this.kept.find(request.url ?? '')
    if (poll === undefined) return false
    if (!isShown(request.headers.authorization, poll.shownSha256) || !this.isOfNow(poll)) return false
    this.seen.note(poll.namespace, poll.deviceId)
    if (request.headers['if-none-match'] === poll.etag) {
      response.writeHead(304, ['etag', poll.etag])
      response.end()
    } else {
      response.writeHead(200, poll.headers)
      response.end(poll.body, 'latin1')
    }
    return true
  }

  /** Freshness statements are renewed beside documents that stay. */
  private isOfNow({ namespace, trust }: KeptPoll): boolean {
    const now = this.trust.peek(namespace)
    return now !== null && now.state === trust.state && now.freshness?.time === trust.freshness?.time
  }
}
