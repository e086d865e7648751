import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../../domain/refusal.js'
import { CBOR_MEDIA_TYPE } from '../../protocol/device-http.js'

export type DeviceRequest = FastifyRequest<{ Querystring: Readonly<Record<string, unknown>> }>

export async function sendCbor(reply: FastifyReply, body: Uint8Array, cacheControl: string): Promise<void> {
  await reply.type(CBOR_MEDIA_TYPE).header('cache-control', cacheControl).send(Buffer.from(body))
}

/** The body as it came: `application/cbor` or `application/cose`, read whole and bounded by the adapter. */
export function requireDocument(request: DeviceRequest): Uint8Array {
  if (!Buffer.isBuffer(request.body) || request.body.length === 0)
    throw new Refusal('REQUEST_INVALID', { field: 'body', why: 'not a signed document' })
  return new Uint8Array(request.body)
}

export function readNumber(request: DeviceRequest, field: string): number {
  const value = request.query[field] ?? '0'
  if (typeof value !== 'string' || !/^\d{1,15}$/.test(value))
    throw new Refusal('REQUEST_INVALID', { field, why: 'not a number' })
  return Number(value)
}
