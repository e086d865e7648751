import { sha256 } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import type { CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'

/** SHA-256 in the COSE registry: the one digest of our profile. */
export const SUIT_SHA256 = -16

/** CDDL: SUIT_Digest = [-16, bytes .size 32] */
export const suitDigest = (hash: Uint8Array): CborValue => [SUIT_SHA256, hash]

/** The encoded SUIT_Digest, 36 bytes: what authentication blocks sign. */
export const encodeSuitDigest = (hash: Uint8Array): Uint8Array => encodeCbor(suitDigest(hash))

/** The hash covers the CBOR byte-string header and the content, so hashing the content alone gives the wrong answer. */
export const wrappedSha256 = (content: Uint8Array): Uint8Array => sha256(encodeCbor(content))

/** @throws Refusal `MANIFEST_TEMPLATE` at `at` for anything but SHA-256. */
export function readSuitDigest(value: CborValue | undefined, at: string): Uint8Array {
  const [alg, hash] = Array.isArray(value) && value.length === 2 ? (value as readonly CborValue[]) : []
  if (alg !== SUIT_SHA256 || !(hash instanceof Uint8Array) || hash.length !== 32)
    throw new Refusal('MANIFEST_TEMPLATE', { at, why: 'not a SHA-256 digest' })
  return hash
}

export const parseSuitDigest = (bytes: Uint8Array, at: string): Uint8Array =>
  readSuitDigest(decodeCbor(bytes, { maxBytes: 64, maxDepth: 2 }), at)
