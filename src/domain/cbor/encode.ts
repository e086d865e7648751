import { compareBytes, utf8 } from '../bytes.js'
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

/** Writes into one buffer that doubles when it is full: what is nested is not copied once a level. */
class Writer {
  // Not cleared, since `finish` gives out only what was written.
  private bytes: Uint8Array = Buffer.allocUnsafe(256)
  private at = 0

  /** A copy of exactly what was written. */
  finish(): Uint8Array {
    return new Uint8Array(this.bytes.subarray(0, this.at))
  }

  item(value: CborValue): void {
    if (typeof value === 'number') this.integer(value)
    else if (value instanceof Uint8Array) this.text(2, value)
    else if (typeof value === 'string') this.text(3, utf8(value))
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

  private text(major: number, content: Uint8Array): void {
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
    const larger = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2))
    larger.set(this.bytes.subarray(0, this.at))
    this.bytes = larger
  }

  private array(items: readonly CborValue[]): void {
    this.head(4, items.length)
    for (const item of items) this.item(item)
  }

  private map(map: ReadonlyMap<CborValue, CborValue>): void {
    const pairs = [...map].map(([key, value]) => [encodeKey(key), value] as const)
    pairs.sort(([a], [b]) => orderOf(a, b))
    this.head(5, pairs.length)
    for (const [key, value] of pairs) {
      this.append(key)
      this.item(value)
    }
  }
}

const smallKeys = Array.from({ length: 24 }, (_, key) => Uint8Array.of(key))

/** Members of our documents are small integers, each its own encoding. */
const encodeKey = (key: CborValue): Uint8Array =>
  (typeof key === 'number' ? smallKeys[key] : undefined) ?? encodeCbor(key)

/** No sort ends without having compared neighbours, so two equal keys always meet here. */
function orderOf(a: Uint8Array, b: Uint8Array): number {
  const order = compareBytes(a, b)
  if (order === 0) throw new TypeError('duplicate map key')
  return order
}
