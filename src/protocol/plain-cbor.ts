import { Decoder } from 'cbor-x'
import { Refusal } from '../domain/refusal.js'

const MAX_DEPTH = 16
const decoder = new Decoder({ mapsAsObjects: true, useRecords: false })

/**
 * CBOR of somebody else's making, as far as it says what JSON can say: maps with text keys, arrays, text, numbers, true, false, null;
 * definite or indefinite, in any order. It is walked through before the library takes memory for what it announces.
 * @throws Refusal `CBOR_MALFORMED`, `CBOR_TOO_LARGE` for more than 16 levels.
 */
export function decodePlainCbor(bytes: Uint8Array): unknown {
  const walk = new Walk(bytes)
  walk.item(0)
  if (walk.at !== bytes.length) throw walk.malformed('more after the end')
  return decoder.decode(bytes)
}

/** Well-formedness (RFC 8949 appendix C), less what JSON does not have. */
class Walk {
  at = 0
  constructor(private readonly bytes: Uint8Array) {}

  malformed(why: string): Refusal {
    return new Refusal('CBOR_MALFORMED', { at: this.at, why })
  }

  item(depth: number): void {
    if (depth > MAX_DEPTH) throw new Refusal('CBOR_TOO_LARGE', { limit: MAX_DEPTH, what: 'depth' })
    const initial = this.byte()
    const short = initial & 0x1f
    switch (initial >> 5) {
      case 0:
      case 1:
        this.argument(short)
        return
      case 3:
        return this.text(short)
      case 4:
        return this.items(short, () => this.item(depth + 1))
      case 5:
        return this.items(short, () => {
          this.key()
          this.item(depth + 1)
        })
      case 7:
        return this.simple(short)
      default:
        throw this.malformed('bytes or a tag')
    }
  }

  private key(): void {
    const initial = this.byte()
    if (initial >> 5 !== 3) throw this.malformed('a key that is no text')
    this.text(initial & 0x1f)
  }

  private text(short: number): void {
    const length = this.argument(short)
    if (length > this.bytes.length - this.at) throw this.malformed('ends early')
    this.at += length
  }

  /** Each item has a byte at least, so no more of them are announced than there are bytes. */
  private items(short: number, one: () => void): void {
    if (short === 31) {
      while (this.bytes[this.at] !== 0xff) one()
      this.at += 1
      return
    }
    const count = this.argument(short)
    if (count > this.bytes.length - this.at) throw this.malformed('ends early')
    for (let index = 0; index < count; index += 1) one()
  }

  private simple(short: number): void {
    if (short >= 20 && short <= 22) return
    const length = { 25: 2, 26: 4, 27: 8 }[short]
    if (length === undefined) throw this.malformed('a simple value')
    if (length > this.bytes.length - this.at) throw this.malformed('ends early')
    this.at += length
  }

  private argument(short: number): number {
    if (short < 24) return short
    if (short > 27) throw this.malformed('a length that is none')
    let value = 0
    for (let left = 1 << (short - 24); left > 0; left -= 1) value = value * 256 + this.byte()
    return value
  }

  private byte(): number {
    const byte = this.bytes[this.at]
    if (byte === undefined) throw this.malformed('ends early')
    this.at += 1
    return byte
  }
}
