import { toHex } from '../../src/domain/bytes.js'
import type { CborValue } from '../../src/domain/cbor/value.js'
import { decodeCbor } from '../../src/domain/cbor/decode.js'

/** What the parts of a value are called, and which byte strings hold CBOR themselves. */
export interface Shape {
  readonly name?: string
  /** The byte string is CBOR of this shape. */
  readonly embeds?: Shape
  readonly items?: readonly Shape[]
  readonly each?: Shape
  readonly members?: Readonly<Record<string, Shape>>
}

interface Line {
  readonly depth: number
  readonly hex: string
  readonly note: string
}

const NOTE_COLUMN = 46
const BYTES_A_LINE = 32
const limits = { maxBytes: 100_000, maxDepth: 16, tags: [18, 98, 107] }

/** CBOR as lines of hex, each with what it says; the hex of all lines is the input again. */
export function annotateCbor(bytes: Uint8Array, shape: Shape): string {
  const lines: Line[] = []
  const end = new Walker(bytes, lines).item(0, shape, 0, '', '')
  if (end !== bytes.length) throw new Error('trailing bytes in an example')
  return lines.map(formatLine).join('\n')
}

/** Lines for bytes that are no CBOR: lengths, checksums. */
export const annotatePlain = (bytes: Uint8Array, note: string): string =>
  formatLine({ depth: 0, hex: toHex(bytes), note })

function formatLine({ depth, hex, note }: Line): string {
  const left = `${'  '.repeat(depth)}${hex}`
  return note === '' ? left : `${left.padEnd(NOTE_COLUMN)}  ; ${note}`
}

class Walker {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly lines: Line[],
  ) {}

  /** Writes the item at `at`; `before` is the hex of its key, which stands on the same line. @returns where it ends. */
  item(at: number, shape: Shape, depth: number, before: string, title: string): number {
    const [major, argument, end] = this.head(at)
    const hex = `${before}${toHex(this.bytes.subarray(at, end))}`
    const name = [title, shape.name].filter((part) => part !== undefined && part !== '').join(', ')
    const say = (text: string): number => this.lines.push({ depth, hex, note: name === '' ? text : `${name}: ${text}` })
    if (major === 2 || major === 3) return this.string(major, end, argument, shape, depth, hex, name)
    if (major === 4) {
      say(argument === 0 ? 'empty array' : `array of ${argument}`)
      return this.items(end, argument, shape, depth)
    }
    if (major === 5) {
      say(argument === 0 ? 'empty map' : `map of ${argument}`)
      return this.pairs(end, argument, shape, depth)
    }
    if (major === 6) {
      say(`tag ${argument}`)
      return this.item(end, { ...shape, name: '' }, depth + 1, '', '')
    }
    say(JSON.stringify(decodeCbor(this.bytes.subarray(at, end), limits)))
    return end
  }

  private items(start: number, count: number, shape: Shape, depth: number): number {
    let at = start
    for (let index = 0; index < count; index += 1)
      at = this.item(at, shape.items?.[index] ?? shape.each ?? {}, depth + 1, '', '')
    return at
  }

  private pairs(start: number, count: number, shape: Shape, depth: number): number {
    let at = start
    for (let index = 0; index < count; index += 1) {
      const valueAt = this.skip(at)
      const key = decodeCbor(this.bytes.subarray(at, valueAt), limits)
      const inner =
        (typeof key === 'number' || typeof key === 'string' ? shape.members?.[key] : undefined) ?? shape.each
      const before = `${toHex(this.bytes.subarray(at, valueAt))} `
      if (before.length > 40) {
        this.lines.push({ depth: depth + 1, hex: before.trim(), note: 'key' })
        at = this.item(valueAt, inner ?? {}, depth + 1, '', '')
      } else at = this.item(valueAt, inner ?? {}, depth + 1, before, titleOf(key))
    }
    return at
  }

  private string(
    major: number,
    start: number,
    length: number,
    shape: Shape,
    depth: number,
    head: string,
    name: string,
  ): number {
    const content = this.bytes.subarray(start, start + length)
    const title = name === '' ? '' : `${name}: `
    const end = start + length
    if (shape.embeds !== undefined) {
      this.lines.push({ depth, hex: head, note: `${title}${length} bytes that hold` })
      const inner = new Walker(content, this.lines)
      if (inner.item(0, shape.embeds, depth + 1, '', '') !== length) throw new Error('trailing bytes in an example')
      return end
    }
    const says = major === 3 ? JSON.stringify(new TextDecoder().decode(content)) : `${length} bytes`
    if (length <= BYTES_A_LINE / 2)
      this.lines.push({ depth, hex: `${head} ${toHex(content)}`.trim(), note: `${title}${says}` })
    else {
      this.lines.push({ depth, hex: head, note: `${title}${says}` })
      for (let at = 0; at < length; at += BYTES_A_LINE)
        this.lines.push({ depth: depth + 1, hex: toHex(content.subarray(at, at + BYTES_A_LINE)), note: '' })
    }
    return end
  }

  /** Major type, argument, and where the head ends. */
  private head(at: number): [major: number, argument: number, end: number] {
    const initial = this.bytes[at] ?? 0
    const info = initial & 0x1f
    const width = info < 24 ? 0 : 2 ** (info - 24)
    let argument = width === 0 ? info : 0
    for (const byte of this.bytes.subarray(at + 1, at + 1 + width)) argument = argument * 256 + byte
    return [initial >> 5, argument, at + 1 + width]
  }

  private skip(at: number): number {
    return new Walker(this.bytes, []).item(at, {}, 0, '', '')
  }
}

const titleOf = (key: CborValue): string => (typeof key === 'number' || typeof key === 'string' ? String(key) : '')
