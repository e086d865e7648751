import { createHmac, hkdfSync } from 'node:crypto'
import { utf8 } from '../../domain/bytes.js'

const SECRET_BYTES = 32

/** The secret that we share with one receiver: HKDF-SHA256 (RFC 5869) of the installation's key, bound to the webhook's id. */
export const webhookSecret = (key: Uint8Array, webhookId: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), utf8(`countersign/webhook/${webhookId}`), SECRET_BYTES))

/** As receivers configure it. */
export const secretText = (secret: Uint8Array): string => `whsec_${Buffer.from(secret).toString('base64')}`

/**
 * Headers of one message (Standard Webhooks, "Signature scheme"): HMAC-SHA256 over `id.timestamp.body`.
 * @param timestamp seconds since the epoch, of this attempt: receivers refuse what is more than minutes old.
 */
export function signedHeaders(secret: Uint8Array, id: string, timestamp: number, body: string): Record<string, string> {
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': `v1,${signature}`,
  }
}
