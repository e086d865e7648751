import { compareBytes, toHex } from '../bytes.js'
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

/**
 * Several signatures of one document stand in ascending order of their keyids, none twice: who signed has one form as well.
 * @throws Refusal `SIGNATURE_DUPLICATE`, `COSE_MALFORMED`.
 */
export function requireAscending(signatures: readonly ProtectedHeader[]): void {
  const keyIds = signatures.map(({ keyId }) => keyId ?? new Uint8Array(0))
  for (const [index, keyId] of keyIds.slice(1).entries()) {
    const order = compareBytes(keyIds[index] ?? keyId, keyId)
    if (order === 0) throw new Refusal('SIGNATURE_DUPLICATE', { keyId: toHex(keyId) })
    if (order > 0) throw malformed('signatures are not in ascending order of their keyids')
  }
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
