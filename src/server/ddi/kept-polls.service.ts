import type { IncomingMessage } from 'node:http'
import { Injectable } from '@nestjs/common'
import { IdlePolls } from '../polling/idle-polls.service.js'
import { ServerConfig } from '../server-config.js'
import { TrustedProxies } from '../trusted-proxies.js'
import { originOf, type DdiCall, type Rendered } from './ddi-call.js'

/** Answers that name nothing to do, kept for as long as the client asks in the same words: links are made of its `Host`. */
@Injectable()
export class KeptPolls {
  private readonly proxies: TrustedProxies

  constructor(
    private readonly idle: IdlePolls,
    private readonly config: ServerConfig,
  ) {
    this.proxies = new TrustedProxies(config.trustedProxies)
  }

  keep(call: DdiCall, { etag, body, headers }: Rendered): void {
    const { request, target, origin, secret } = call
    if (secret === null || target.work !== null) return
    const { namespace, deviceId } = target
    const { accept, host } = request.headers
    const isStill = (again: IncomingMessage): boolean =>
      again.headers.accept === accept && this.isFrom(again, host, origin)
    this.idle.keep(request.raw, { namespace, deviceId, tick: secret.tick, etag, body, headers, isStill })
  }

  /** Scheme and host are the client's own word but behind a proxy, which is looked at more closely. */
  private isFrom(request: IncomingMessage, host: string | undefined, origin: string): boolean {
    if (!this.proxies.isTrusted(request)) return host === request.headers.host
    return originOf(request, this.proxies, this.config.publicUrl).origin === origin
  }
}
