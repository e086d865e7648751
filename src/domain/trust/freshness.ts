import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'

/** Lives at most a day: renewing it is the signer's business, and nobody prolongs a freeze with an old one. */
export const MAX_FRESHNESS_LIFE_SECONDS = 86_400

/** "At this time these were the newest": what makes withholding show. @see docs/formats/freshness.md */
export interface Freshness {
  readonly namespace: string
  readonly time: number
  readonly expires: number
  readonly krlNumber: number
  /** SHA-256 of the KRL as it is sent, 32 bytes. */
  readonly krlSha256: Uint8Array
  readonly rootVersion: number
  /** Copied from a device that asked; 16 to 32 bytes. */
  readonly nonce?: Uint8Array
}

export const encodeFreshness = (freshness: Freshness): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, freshness.namespace],
      [3, freshness.time],
      [4, freshness.expires],
      [5, freshness.krlNumber],
      [6, freshness.krlSha256],
      [7, freshness.rootVersion],
      [8, freshness.nonce],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseFreshness(payload: Uint8Array): Freshness {
  const fields = Fields.open('freshness', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 2 })
  const freshness: Freshness = {
    namespace: fields.header(),
    time: fields.uint(3),
    expires: fields.uint(4),
    krlNumber: fields.uint(5),
    krlSha256: fields.bytes(6, 32),
    rootVersion: fields.uint(7),
    ...(fields.has(8) ? { nonce: readNonce(fields) } : {}),
  }
  fields.finish()
  return freshness
}

function readNonce(fields: Fields): Uint8Array {
  const nonce = fields.value(8)
  if (!(nonce instanceof Uint8Array) || nonce.length < 16 || nonce.length > 32)
    throw fields.refusal(8, 'not 16 to 32 bytes')
  return nonce
}
