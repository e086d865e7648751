import type { FastifyInstance } from 'fastify'
import type { DecisionLog } from './decision-log.service.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Polls of a whole fleet are no lines of a log; what is refused is one. */
    readonly isQuiet?: boolean
  }
}

/** One line per answered request. The path without its query: a nonce or a cursor is nobody's business. */
export function addRequestLog(fastify: Pick<FastifyInstance, 'addHook'>, log: DecisionLog): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id)
    done()
  })
  fastify.addHook('onResponse', (request, reply, done) => {
    const isQuiet = request.routeOptions.config.isQuiet === true && reply.statusCode < 400
    if (isQuiet) return done()
    log.info('request.answered', {
      requestId: request.id,
      method: request.method,
      path: request.url.split('?', 1)[0] ?? '',
      status: reply.statusCode,
      elapsedMs: Math.round(reply.elapsedTime * 10) / 10,
    })
    done()
  })
}
