import { compareBytes, concat, utf8 } from '../bytes.js'
import { CborTag, type CborValue } from './value.js'

/** Major type and argument in the fewest bytes (RFC 8949 §4.2.1). */
export function encodeHead(major: number, argument: number): Uint8Array {
  const type = major << 5
  if (argument < 24) return Uint8Array.of(type | argument)
  if (argument < 0x100) return Uint8Array.of(type | 24, argument)
  if (argument < 0x1_0000) return Uint8Array.of(type | 25, argument >> 8, argument & 0xff)
  const head = new Uint8Array(argument < 0x1_0000_0000 ? 5 : 9)
  const view = new DataView(head.buffer)
  head[0] = type | (head.length === 5 ? 26 : 27)
  if (head.length === 5) view.setUint32(1, argument)
  else view.setBigUint64(1, BigInt(argument))
  return head
}

/**
 * Deterministic CBOR: shortest integers, definite lengths, map keys in bytewise order of their encoding.
 * @throws TypeError for what our data model has no form for (floats, unsafe integers, duplicate keys): a bug of ours.
 * @see RFC 8949 §4.2.1
 */
export function encodeCbor(value: CborValue): Uint8Array {
  if (typeof value === 'number') return encodeInteger(value)
  if (typeof value === 'string') {
    const text = utf8(value)
    return concat(encodeHead(3, text.length), text)
  }
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (value === null) return Uint8Array.of(0xf6)
  if (value instanceof Uint8Array) return concat(encodeHead(2, value.length), value)
  if (value instanceof CborTag) return concat(encodeHead(6, value.tag), encodeCbor(value.value))
  if (value instanceof Map) return encodeMap(value)
  const items = value as readonly CborValue[]
  return concat(encodeHead(4, items.length), ...items.map(encodeCbor))
}

function encodeInteger(value: number): Uint8Array {
  if (!Number.isSafeInteger(value)) throw new TypeError('only integers up to 2^53-1 are encoded')
  return value < 0 ? encodeHead(1, -1 - value) : encodeHead(0, value)
}

function encodeMap(map: ReadonlyMap<CborValue, CborValue>): Uint8Array {
  const pairs = [...map].map(([key, value]) => [encodeCbor(key), encodeCbor(value)] as const)
  pairs.sort(([a], [b]) => compareBytes(a, b))
  for (const [index, [key]] of pairs.entries()) {
    const next = pairs[index + 1]
    if (next !== undefined && compareBytes(key, next[0]) === 0) throw new TypeError('duplicate map key')
  }
  return concat(encodeHead(5, pairs.length), ...pairs.flat())
}
