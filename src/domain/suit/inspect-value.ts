import { toHex } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { CborTag, type CborKey, type CborMap, type CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'

/** Envelopes of others may hold whole images as integrated payloads. */
export const MAX_INSPECTED_BYTES = 67_108_864
const inspectionLimits = { maxBytes: MAX_INSPECTED_BYTES, maxDepth: 12, tags: [107, 112, 1070], arrayKeys: true }

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue }

export const notSuit = (at: string, why: string): Refusal => new Refusal('MANIFEST_TEMPLATE', { at, why })

export const decodeInspected = (bytes: Uint8Array): CborValue => decodeCbor(bytes, inspectionLimits)

export function requireMap(value: CborValue | undefined, at: string): CborMap {
  if (!(value instanceof Map)) throw notSuit(at, 'missing or not a map')
  return value
}

export function requireList(value: CborValue | undefined, at: string): readonly CborValue[] {
  if (!Array.isArray(value)) throw notSuit(at, 'missing or not an array')
  return value as readonly CborValue[]
}

export function requireWrapped(value: CborValue | undefined, at: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw notSuit(at, 'missing or not a byte string')
  return value
}

/** Any CBOR value as JSON: bytes become hex, map keys their text. */
export function toJson(value: CborValue): JsonValue {
  if (value instanceof Uint8Array) return toHex(value)
  if (value instanceof CborTag) return { tag: value.tag, value: toJson(value.value) }
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [keyToText(key), toJson(inner)]))
  if (Array.isArray(value)) return (value as readonly CborValue[]).map(toJson)
  return value as string | number | boolean | null
}

const keyToText = (key: CborKey): string => (key instanceof Uint8Array ? toHex(key) : String(key))
