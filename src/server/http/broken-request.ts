import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../../domain/refusal.js'
import { problemOf } from './problem.js'

/** Status and words for what the reader of HTTP says; anything else is bytes that are no request. */
const reasons = new Map<string, readonly [status: number, why: string]>([
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'its head did not come in time']],
  ['BODY_LATE', [408, 'its body did not come in time']],
  ['HPE_HEADER_OVERFLOW', [431, 'its head is too large']],
  ['HPE_INVALID_EOF_STATE', [400, 'it ended before the length that it announced']],
])
const NO_REQUEST = [400, 'not well-formed HTTP, or more bytes than it announced'] as const

/** A connection whose bytes are no request, or not all of one, ends with a problem document like every other "no". */
export function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, why] = reasons.get(error.code ?? '') ?? NO_REQUEST
  const problem = { ...problemOf(new Refusal('REQUEST_INVALID', { field: 'request', why })), status }
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  if (socket.writable) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroy(error)
}

/** An address that is none belongs to no route, so that no route's refusal answers it. */
export function answerBrokenAddress({ code }: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const [status, why] =
    code === 'FST_ERR_MAX_PARAM_LENGTH' ? [414, 'a part of it is too long'] : [400, 'not a well-formed address']
  const problem = {
    ...problemOf(new Refusal('REQUEST_INVALID', { field: 'path', why }), `urn:uuid:${request.id}`),
    status,
  }
  void reply.status(status).type('application/problem+json; charset=utf-8').send(problem)
}

/**
 * RFC 9112 §3.2: a request with more than one `Host` is answered 400; who stands before us may have believed the other one.
 * @throws Refusal `REQUEST_INVALID`.
 */
export function requireOneHost({ headers: { host = '' } }: FastifyRequest): void {
  if (host.includes(',')) throw new Refusal('REQUEST_INVALID', { field: 'host', why: 'said more than once' })
}
