import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'

/** The protected header we write: {1: alg, 4: keyid} and nothing else (RFC 9052 §3.1). */
export interface ProtectedHeader {
  readonly alg: number
  /** 32 bytes; null only in envelopes of others, which are inspected and never accepted. */
  readonly keyId: Uint8Array | null
}

export const encodeProtected = (alg: number, keyId: Uint8Array): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, alg],
      [4, keyId],
    ]),
  )

const malformed = (why: string): Refusal => new Refusal('COSE_MALFORMED', { why })

/** @throws Refusal `COSE_MALFORMED` for members beyond alg and keyid, and for a keyid that is not 32 bytes. */
export function parseProtected(bytes: Uint8Array): ProtectedHeader {
  const header = decodeCbor(bytes, { maxBytes: 256, maxDepth: 2 })
  if (!(header instanceof Map)) throw malformed('protected header is not a map')
  const alg = header.get(1)
  const keyId = header.get(4)
  if (typeof alg !== 'number') throw malformed('no algorithm in the protected header')
  if (keyId !== undefined && !(keyId instanceof Uint8Array && keyId.length === 32))
    throw malformed('keyid is not 32 bytes')
  if (header.size !== (keyId === undefined ? 1 : 2)) throw malformed('unexpected member in the protected header')
  return { alg, keyId: keyId ?? null }
}

/** Everything we count on is protected, so the unprotected header is empty. */
export function requireEmptyUnprotected(header: CborValue | undefined): void {
  if (!(header instanceof Map) || header.size !== 0) throw malformed('unprotected header is not empty')
}

export function requireBytes(value: CborValue | undefined, what: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw malformed(`${what} is not a byte string`)
  return value
}

export function requireArray(value: CborValue | undefined, length: number, what: string): readonly CborValue[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(`${what} is not an array of ${length}`)
  return value as readonly CborValue[]
}
