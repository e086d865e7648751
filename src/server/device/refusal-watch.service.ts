import { Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import { RefusalCounts } from '../refusals/refusal-counts.service.js'
import { ServerConfig } from '../server-config.js'

/** Counts what devices of our own protocol were refused, wherever on its way the request ended. */
@Injectable()
export class RefusalWatch implements OnModuleInit {
  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly refusals: RefusalCounts,
    private readonly config: ServerConfig,
  ) {}

  onModuleInit(): void {
    this.adapter.httpAdapter.getInstance<FastifyInstance>().addHook('onSend', (request, reply, payload, done) => {
      if (reply.statusCode >= 400) this.note(request.url, payload)
      done(null, payload)
    })
  }

  private note(url: string, payload: unknown): void {
    const [, namespace = ''] = /^\/device\/v1\/([^/]+\/[^/]+)\//.exec(url) ?? []
    // Names of nobody are not counted: there is no end of them.
    if (!this.config.namespaces.some((each) => each.namespace === namespace)) return
    const code = typeof payload === 'string' ? /"code":"([A-Z0-9_]{1,64})"/.exec(payload)?.[1] : undefined
    this.refusals.note(namespace, 'native', code ?? 'OTHER')
  }
}
