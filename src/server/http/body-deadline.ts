import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { answerBrokenRequest } from './broken-request.js'

/** Firmware, which takes its time and is watched by whoever stores it. */
const STREAMS = /^application\/(offset\+)?octet-stream\b/i

/**
 * What is read whole before anybody looks at it is small: whoever takes longer than this for it is answered 408 and loses the
 * connection, however steadily the bytes drip.
 */
export function addBodyDeadline(fastify: Pick<FastifyInstance, 'addHook'>, limitMs: number): void {
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    const { raw } = request
    if (isAwaited(raw)) {
      const late = Object.assign(new Error('a body that does not come'), { code: 'BODY_LATE' })
      const timer = setTimeout(() => answerBrokenRequest(late, raw.socket), limitMs)
      timer.unref()
      const stop = (): void => clearTimeout(timer)
      raw.once('end', stop)
      // Who is answered before the end of a body is not waited for; the connection has its own limit then.
      reply.raw.once('finish', stop).once('close', stop)
    }
    done(null, payload)
  })
}

const isAwaited = ({ headers }: IncomingMessage): boolean =>
  (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0') &&
  !STREAMS.test(headers['content-type'] ?? '')
