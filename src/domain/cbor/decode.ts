import { compareBytes } from '../bytes.js'
import { Refusal } from '../refusal.js'
import { CborTag, type CborKey, type CborMap, type CborValue } from './value.js'

/** What a document may cost before it is looked at. Every bound is checked before memory is taken. */
export interface CborLimits {
  maxBytes: number
  maxDepth: number
  /** Items inside of arrays and maps, all together; 16,384 when not said. An empty map is one byte here and 200 in memory. */
  maxItems?: number
  /** Tags that this document may hold; every other tag is refused. */
  tags?: readonly number[]
  /**
   * For inspection only: admits arrays as map keys (component ids in SUIT text). Such a key is handed on as the
   * bytes of its encoding, so what was decoded this way must not be encoded again.
   */
  arrayKeys?: boolean
}

const MAX_ITEMS = 16_384
/**
 * Integer keys of one map: members of documents, of which none has more than 40. The engine hashes integers without a secret, so
 * whoever chooses many can have them all in one bucket; of text keys, and of bytes, nobody can.
 */
const MAX_INTEGER_KEYS = 256

/** Documents of trust.md §3: nesting ≤ 8, ≤ 64 KiB, no tags but the expected one. */
export const documentLimits: CborLimits = { maxBytes: 65_536, maxDepth: 8 }

/**
 * Decodes exactly one deterministic CBOR item that fills `bytes`. For every accepted input,
 * `encodeCbor(decodeCbor(bytes))` equals `bytes`: there is no second encoding of anything accepted.
 * Byte strings in the answer are views into `bytes`.
 * @throws Refusal `CBOR_MALFORMED`, `CBOR_NOT_CANONICAL`, `CBOR_TOO_LARGE`; runs in time linear in the size.
 * @see RFC 8949 §4.2.1
 */
export function decodeCbor(bytes: Uint8Array, limits: CborLimits = documentLimits): CborValue {
  if (bytes.length > limits.maxBytes) throw new Refusal('CBOR_TOO_LARGE', { limit: limits.maxBytes, what: 'bytes' })
  const reader = new Reader(bytes, limits)
  const value = reader.item(1)
  if (reader.at !== bytes.length) throw malformed(reader.at, 'trailing bytes')
  return value
}

const malformed = (at: number, why: string): Refusal => new Refusal('CBOR_MALFORMED', { at, why })
const notCanonical = (at: number, why: string): Refusal => new Refusal('CBOR_NOT_CANONICAL', { at, why })

// fatal: a byte string that is no UTF-8 is not text; ignoreBOM: a leading U+FEFF is kept, else two encodings would decode alike.
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** By width of the argument (1, 2, 4, 8 bytes) the least value that needs it. */
const leastArguments = [24, 0x100, 0x1_0000, 0x1_0000_0000]

class Reader {
  at = 0
  private itemsLeft: number
  constructor(
    private readonly bytes: Uint8Array,
    private readonly limits: CborLimits,
  ) {
    this.itemsLeft = limits.maxItems ?? MAX_ITEMS
  }

  item(depth: number): CborValue {
    if (depth > this.limits.maxDepth)
      throw new Refusal('CBOR_TOO_LARGE', { limit: this.limits.maxDepth, what: 'depth' })
    const start = this.at
    const initial = this.byte()
    const major = initial >> 5
    const info = initial & 0x1f
    if (major === 7) return simple(start, info)
    const argument = this.argument(start, info)
    switch (major) {
      case 0:
        return argument
      case 1:
        return this.negative(start, argument)
      case 2:
        return this.take(argument)
      case 3:
        return this.text(start, argument)
      case 4:
        return this.array(argument, depth)
      case 5:
        return this.map(argument, depth)
      default:
        return this.tag(start, argument, depth)
    }
  }

  private byte(): number {
    const value = this.bytes[this.at]
    if (value === undefined) throw malformed(this.at, 'unexpected end')
    this.at += 1
    return value
  }

  private take(length: number): Uint8Array {
    // Compared with what is left, so a claimed length never becomes an allocation.
    if (length > this.bytes.length - this.at) throw malformed(this.at, 'unexpected end')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  private argument(start: number, info: number): number {
    if (info < 24) return info
    if (info > 27) throw malformed(start, info === 31 ? 'indefinite length' : 'reserved additional information')
    const width = 1 << (info - 24)
    if (width > this.bytes.length - this.at) throw malformed(this.at, 'unexpected end')
    let value = 0
    // Once a sum is past 2^53 rounding cannot bring it back below.
    for (const end = this.at + width; this.at < end; this.at += 1) value = value * 256 + (this.bytes[this.at] ?? 0)
    if (value > Number.MAX_SAFE_INTEGER) throw malformed(start, 'integer above 2^53-1')
    if (value < (leastArguments[info - 24] ?? 0)) throw notCanonical(start, 'integer not in its shortest form')
    return value
  }

  private negative(start: number, argument: number): number {
    if (argument === Number.MAX_SAFE_INTEGER) throw malformed(start, 'integer below -(2^53-1)')
    return -1 - argument
  }

  private text(start: number, length: number): string {
    const raw = this.take(length)
    const word = findWord(raw)
    if (word !== null) return word
    try {
      return text.decode(raw)
    } catch {
      throw malformed(start, 'text is not UTF-8')
    }
  }

  /** Before the first of them is read. Each takes at least one byte, so a claimed number never becomes an allocation. */
  private requireItems(count: number): void {
    if (count > this.bytes.length - this.at) throw malformed(this.at, 'unexpected end')
    this.itemsLeft -= count
    if (this.itemsLeft < 0)
      throw new Refusal('CBOR_TOO_LARGE', { limit: this.limits.maxItems ?? MAX_ITEMS, what: 'items' })
  }

  private array(length: number, depth: number): CborValue[] {
    this.requireItems(length)
    const items: CborValue[] = []
    for (let index = 0; index < length; index += 1) items.push(this.item(depth + 1))
    return items
  }

  private map(length: number, depth: number): CborMap {
    this.requireItems(length * 2)
    const map = new Map<CborKey, CborValue>()
    let [previousStart, previousEnd] = [-1, -1]
    let integers = 0
    for (let index = 0; index < length; index += 1) {
      const start = this.at
      const key = this.key(depth + 1)
      if (typeof key === 'number' && (integers += 1) > MAX_INTEGER_KEYS)
        throw new Refusal('CBOR_TOO_LARGE', { limit: MAX_INTEGER_KEYS, what: 'integer keys' })
      const order = index === 0 ? -1 : this.compare(previousStart, previousEnd, start, this.at)
      if (order === 0) throw notCanonical(start, 'duplicate map key')
      if (order > 0) throw notCanonical(start, 'map keys out of order')
      previousStart = start
      previousEnd = this.at
      map.set(key, this.item(depth + 1))
    }
    return map
  }

  /** Bytewise order of two stretches of the input; members of our documents differ in their first byte. */
  private compare(start: number, end: number, otherStart: number, otherEnd: number): number {
    const first = (this.bytes[start] ?? 0) - (this.bytes[otherStart] ?? 0)
    if (first !== 0) return first
    return compareBytes(this.bytes.subarray(start, end), this.bytes.subarray(otherStart, otherEnd))
  }

  private key(depth: number): CborKey {
    const start = this.at
    const key = this.item(depth)
    if (typeof key === 'number' || typeof key === 'string' || key instanceof Uint8Array) return key
    if (this.limits.arrayKeys === true && Array.isArray(key)) return this.bytes.subarray(start, this.at)
    throw malformed(start, 'map key of this type')
  }

  private tag(start: number, tag: number, depth: number): CborTag {
    if (this.limits.tags?.includes(tag) !== true) throw malformed(start, `tag ${tag}`)
    return new CborTag(tag, this.item(depth + 1))
  }
}

/** Short ASCII, as the names in our documents are, is read without leaving the engine; null for anything else. */
function findWord(raw: Uint8Array): string | null {
  if (raw.length > 32) return null
  let word = ''
  for (const byte of raw) {
    if (byte >= 0x80) return null
    word += String.fromCharCode(byte)
  }
  return word
}

/** Major type 7: false, true and null only; floats, undefined and unassigned simple values are refused. */
function simple(start: number, info: number): boolean | null {
  if (info === 20) return false
  if (info === 21) return true
  if (info === 22) return null
  throw malformed(start, info >= 25 && info <= 27 ? 'float' : 'simple value')
}
