import { Encoder } from 'cbor-x'
import { Fields } from '../domain/trust/fields.js'

/** What a plain map of the wire may hold. */
export type WireValue = number | string | boolean | Uint8Array | readonly WireValue[] | WireMembers
/** Members that are undefined are left out. */
export interface WireMembers {
  readonly [key: string]: WireValue | undefined
}

// The library's defaults write records, tags 64 and 259 and floats for large integers: none of it is plain CBOR.
const encoder = new Encoder({ useRecords: false, mapsAsObjects: false, variableMapSize: true, tagUint8Array: false })
const LARGEST_SHORT_INTEGER = 0xffff_ffff

/** A map with text keys as deterministic CBOR (RFC 8949 §4.2.1). */
export const encodeWireMap = (members: WireMembers): Uint8Array =>
  // A copy: the library uses its own buffer again.
  new Uint8Array(encoder.encode(toMap(members)))

/** Any such value, in the same form. */
export const encodeWireValue = (value: WireValue): Uint8Array => new Uint8Array(encoder.encode(toWire(value)))

/** Keys are at most 23 characters of ASCII: shorter before longer, then alphabetical, is then the order of their bytes. */
function toMap(members: WireMembers): Map<string, unknown> {
  const sorted = Object.entries(members).toSorted(([a], [b]) => a.length - b.length || (a < b ? -1 : 1))
  return new Map(sorted.flatMap(([key, value]) => (value === undefined ? [] : [[key, toWire(value)]])))
}

function toWire(value: WireValue): unknown {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new TypeError('only integers up to 2^53-1 are encoded')
    return Math.abs(value) > LARGEST_SHORT_INTEGER ? BigInt(value) : value
  }
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (Array.isArray(value)) return (value as readonly WireValue[]).map(toWire)
  return typeof value === 'object' ? toMap(value as WireMembers) : value
}

/**
 * Reads such a map with the strict decoder of our documents: bounded before memory is taken, one encoding only.
 * @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED`, `CBOR_*`.
 */
export const openWireMap = (what: string, bytes: Uint8Array, maxBytes: number): Fields =>
  Fields.open(what, bytes, { maxBytes, maxDepth: 3 })
