import type { IncomingMessage } from 'node:http'
import { Injectable } from '@nestjs/common'
import { IdlePolls } from '../polling/idle-polls.service.js'
import { ServerConfig } from '../server-config.js'
import { TrustedProxies } from '../trusted-proxies.js'
import { originOf, type DdiCall, type Rendered } from './ddi-call.js'

/** Answers that name nothing to do, kept for as long as the client asks in the same words and by the same way: links are made of both. */
@Injectable()
export class KeptPolls {
  private readonly proxies: TrustedProxies

  constructor(
    private readonly idle: IdlePolls,
    private readonly config: ServerConfig,
  ) {
    this.proxies = new TrustedProxies(config.trustedProxies)
  }

  keep({ request, target, origin, secret }: DdiCall, { etag, body, headers }: Rendered): void {
    if (secret === null || target.work !== null) return
    const { namespace, deviceId } = target
    // By the client's own `Host` it is known; what a proxy says beside that is looked at each time.
    const isStill = (again: IncomingMessage): boolean =>
      this.proxies.isEmpty || originOf(again, this.proxies, this.config.publicUrl).origin === origin
    this.idle.keep(request.raw, { namespace, deviceId, tick: secret.tick, etag, body, headers, isStill })
  }
}
