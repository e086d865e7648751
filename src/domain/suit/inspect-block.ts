import { toHex } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { CborTag, type CborMap, type CborValue } from '../cbor/value.js'
import { findAlgorithmName, inspectionAlgorithms } from '../cose/inspection-algorithms.js'
import type { CoseKey } from '../cose/cose-key.js'
import { sign1Message } from '../cose/sign1.js'
import { Refusal } from '../refusal.js'

/** One signature or MAC of an authentication wrapper, as it was found. */
export interface InspectedBlock {
  readonly type: 'COSE_Sign1' | 'COSE_Sign' | 'COSE_Mac0' | 'COSE_Mac'
  readonly algorithm: { readonly number: number | null; readonly name: string | null }
  /** Hex; null when neither header names a key. */
  readonly keyId: string | null
  /** null: no key was given, or a MAC, which a public key cannot check. */
  readonly verifies: boolean | null
}

const types = new Map<number, InspectedBlock['type']>([
  [17, 'COSE_Mac0'],
  [18, 'COSE_Sign1'],
  [97, 'COSE_Mac'],
  [98, 'COSE_Sign'],
])

const EMPTY_MAP = 0xa0

const refuse = (why: string): Refusal => new Refusal('ENVELOPE_BLOCK', { why })

/**
 * Reads one authentication block of any COSE kind. Lenient where acceptance is strict: unprotected headers may be
 * filled and the key may be unnamed.
 * @param signed the encoded SUIT_Digest, which is the detached payload.
 * @returns one row a signature: several for COSE_Sign.
 * @throws Refusal `CBOR_*`, `ENVELOPE_BLOCK` for what is no COSE object.
 */
export function inspectBlock(block: Uint8Array, signed: Uint8Array, key: CoseKey | null): InspectedBlock[] {
  const value = decodeCbor(block, { maxBytes: 65_536, maxDepth: 8, tags: [...types.keys()] })
  const type = value instanceof CborTag ? types.get(value.tag) : undefined
  if (!(value instanceof CborTag) || type === undefined) throw refuse('not a tagged COSE object')
  const [header, unprotected, payload, last] = asArray(value.value)
  const bodyHeader = asBytes(header, 'protected header')
  // The payload is detached in our profile; where it is attached, that is what was signed.
  const content = payload instanceof Uint8Array ? payload : signed
  if (type === 'COSE_Sign') return asArray(last).map((one) => inspectOne(one, bodyHeader, content, key))
  const message = sign1Message(signedHeader(bodyHeader), new Uint8Array(0), content)
  const signature = type === 'COSE_Sign1' ? asBytes(last, 'signature') : null
  return [rowOf(type, bodyHeader, unprotected, signature, message, key)]
}

function inspectOne(one: CborValue, bodyHeader: Uint8Array, content: Uint8Array, key: CoseKey | null): InspectedBlock {
  const [header, unprotected, signature] = asArray(one)
  const protectedBytes = asBytes(header, 'protected header')
  // Unlike in our own documents the body header may be filled here (RFC 9052 §4.4).
  const message = encodeCbor([
    'Signature',
    signedHeader(bodyHeader),
    signedHeader(protectedBytes),
    new Uint8Array(0),
    content,
  ])
  return rowOf('COSE_Sign', protectedBytes, unprotected, asBytes(signature, 'signature'), message, key)
}

function rowOf(
  type: InspectedBlock['type'],
  protectedBytes: Uint8Array,
  unprotected: CborValue | undefined,
  signature: Uint8Array | null,
  message: Uint8Array,
  key: CoseKey | null,
): InspectedBlock {
  const inside = headerMap(protectedBytes)
  const outside: CborMap = unprotected instanceof Map ? unprotected : new Map()
  const alg = inside.get(1) ?? outside.get(1)
  const keyId = inside.get(4) ?? outside.get(4)
  const number = typeof alg === 'number' ? alg : null
  return {
    type,
    algorithm: { number, name: number === null ? null : findAlgorithmName(number) },
    keyId: keyId instanceof Uint8Array ? toHex(keyId) : null,
    verifies: key === null || signature === null ? null : verifies(number, key, message, signature),
  }
}

const verifies = (alg: number | null, key: CoseKey, message: Uint8Array, signature: Uint8Array): boolean =>
  alg !== null && inspectionAlgorithms.get(alg)?.verify(key, message, signature) === true

/** What is signed for a header without members is the empty byte string, however it was sent (RFC 9052 §4.4). */
export const signedHeader = (bytes: Uint8Array): Uint8Array =>
  bytes.length === 1 && bytes[0] === EMPTY_MAP ? new Uint8Array(0) : bytes

/** An empty byte string stands for an empty map (RFC 9052 §3). */
function headerMap(bytes: Uint8Array): CborMap {
  if (bytes.length === 0) return new Map()
  const map = decodeCbor(bytes, { maxBytes: 4_096, maxDepth: 4 })
  if (!(map instanceof Map)) throw refuse('protected header is not a map')
  return map
}

function asArray(value: CborValue | undefined): readonly CborValue[] {
  if (!Array.isArray(value)) throw refuse('not an array')
  return value as readonly CborValue[]
}

function asBytes(value: CborValue | undefined, what: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw refuse(`${what} is not a byte string`)
  return value
}
