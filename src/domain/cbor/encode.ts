import { allocateBytes, compareBytes, utf8 } from '../bytes.js'
import { CborTag, type CborValue } from './value.js'

/**
 * Deterministic CBOR: shortest integers, definite lengths, map keys in bytewise order of their encoding.
 * @throws TypeError for what our data model has no form for (floats, unsafe integers, duplicate keys): a bug of ours.
 * @see RFC 8949 §4.2.1
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new Writer()
  writer.item(value)
  return writer.finish()
}

const SPARE_BYTES = 4_096
/** The buffer of the writer that finished last. Whoever writes holds it alone; there is none while one is at work. */
let spare: Uint8Array | null = null

/** Writes into one buffer that doubles when it is full: what is nested is not copied once a level. */
class Writer {
  private bytes: Uint8Array
  private at = 0
  constructor() {
    this.bytes = spare ?? new Uint8Array(SPARE_BYTES)
    spare = null
  }

  /** A copy of exactly what was written. */
  finish(): Uint8Array {
    const written = allocateBytes(this.at)
    // A view to copy from would cost more than the copying of a few bytes.
    if (this.at > 64) written.set(this.bytes.subarray(0, this.at))
    else for (let index = 0; index < this.at; index += 1) written[index] = this.bytes[index] ?? 0
    if (this.bytes.length === SPARE_BYTES) spare = this.bytes
    return written
  }

  item(value: CborValue): void {
    if (typeof value === 'number') this.integer(value)
    else if (value instanceof Uint8Array) this.string(2, value)
    else if (typeof value === 'string') this.text(value)
    else if (value instanceof Map) this.map(value)
    else if (value instanceof CborTag) {
      this.head(6, value.tag)
      this.item(value.value)
    } else if (typeof value === 'boolean') this.head(7, value ? 21 : 20)
    else if (value === null) this.head(7, 22)
    else this.array(value as readonly CborValue[])
  }

  private integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new TypeError('only integers up to 2^53-1 are encoded')
    if (value < 0) this.head(1, -1 - value)
    else this.head(0, value)
  }

  /** Major type and argument in the fewest bytes. */
  private head(major: number, argument: number): void {
    this.reserve(9)
    if (argument < 24) this.byte((major << 5) | argument)
    else if (argument < 0x100) this.wide(major, 24, 1, argument)
    else if (argument < 0x1_0000) this.wide(major, 25, 2, argument)
    else if (argument < 0x1_0000_0000) this.wide(major, 26, 4, argument)
    else this.wide(major, 27, 8, argument)
  }

  private wide(major: number, info: number, width: number, argument: number): void {
    this.byte((major << 5) | info)
    // Above 2^32 the bitwise operators would cut, so the digits are divided out.
    for (let place = 256 ** (width - 1); place >= 1; place /= 256) this.byte(Math.floor(argument / place) % 256)
  }

  private byte(value: number): void {
    this.bytes[this.at] = value
    this.at += 1
  }

  private text(value: string): void {
    if (!isAscii(value)) return this.string(3, utf8(value))
    // The words of our documents: one byte a character, no need to leave the engine.
    this.head(3, value.length)
    this.reserve(value.length)
    for (let index = 0; index < value.length; index += 1) this.byte(value.charCodeAt(index))
  }

  private string(major: number, content: Uint8Array): void {
    this.head(major, content.length)
    this.append(content)
  }

  private append(content: Uint8Array): void {
    this.reserve(content.length)
    this.bytes.set(content, this.at)
    this.at += content.length
  }

  private reserve(length: number): void {
    const needed = this.at + length
    if (needed <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }

  private array(items: readonly CborValue[]): void {
    this.head(4, items.length)
    for (const item of items) this.item(item)
  }

  private map(map: ReadonlyMap<CborValue, CborValue>): void {
    this.head(5, map.size)
    for (const [key, value] of isInOrder(map) ? map : sorted(map)) {
      this.item(key)
      this.item(value)
    }
  }
}

/** Our documents are written down in order: nothing is left to sort. */
function isInOrder(map: ReadonlyMap<CborValue, CborValue>): boolean {
  let previous: CborValue | undefined
  for (const key of map.keys()) {
    if (previous !== undefined && orderOf(previous, key) >= 0) return false
    previous = key
  }
  return true
}

/** No sort ends without having compared neighbours, so two equal keys always meet here. */
const sorted = (map: ReadonlyMap<CborValue, CborValue>): (readonly [CborValue, CborValue])[] =>
  [...map].toSorted(([a], [b]) => {
    const order = orderOf(a, b)
    if (order === 0) throw new TypeError('duplicate map key')
    return order
  })

/**
 * Bytewise order of two keys' encodings (RFC 8949 §4.2.1). Numbers of one sign and names are not encoded for it: the shorter
 * comes first, then the smaller.
 */
function orderOf(a: CborValue, b: CborValue): number {
  if (typeof a === 'number' && typeof b === 'number' && a < 0 === b < 0) return Math.abs(a) - Math.abs(b)
  if (typeof a === 'string' && typeof b === 'string' && isAscii(a) && isAscii(b))
    return a.length - b.length || Number(a > b) - Number(a < b)
  return compareBytes(encodeCbor(a), encodeCbor(b))
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) >= 0x80) return false
  return true
}
