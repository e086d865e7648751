import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { Refusal } from '../../domain/refusal.js'
import { decodePlainCbor } from '../../protocol/plain-cbor.js'
import { parseLenientJson } from './lenient-json.js'

/** @throws Refusal `REQUEST_INVALID` naming the first member that is not what it has to be. */
export function readBody<T extends z.ZodType>(request: FastifyRequest, schema: T): z.infer<T> {
  const parsed = schema.safeParse(decode(request))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const field = issue?.path.join('.').slice(0, 64) || 'body'
  throw new Refusal('REQUEST_INVALID', { field, why: issue?.message ?? 'not understood' })
}

/** @returns undefined for no body. */
function decode(request: FastifyRequest): unknown {
  const { body } = request
  if (!Buffer.isBuffer(body) || body.length === 0) return undefined
  try {
    return (request.headers['content-type'] ?? '').startsWith('application/cbor')
      ? decodePlainCbor(new Uint8Array(body))
      : parseLenientJson(body.toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal('REQUEST_INVALID', { field: 'body', why: 'not JSON' })
    throw error
  }
}
