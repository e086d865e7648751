import { AddressRuns } from '../address-runs.js'
import type { FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import type { Reader } from '../reader.js'
import { hexNumber } from '../text.js'
import { Unreadable } from '../unreadable.js'

// Intel, "Hexadecimal Object File Format Specification", revision A.
const COLON = 0x3a
const LINE_FEED = 0x0a
/** What may stand between records: ends of lines, blanks, and the end of a file in CP/M. */
const between = new Set([LINE_FEED, 0x0d, 0x20, 0x1a])
const LONGEST_RECORD = 1 + 2 * (5 + 255)
const [DATA, END, SEGMENT, START_SEGMENT, LINEAR, START_LINEAR] = [0, 1, 2, 3, 4, 5]
/** How many bytes each type but data has. */
const lengths = new Map([
  [END, 0],
  [SEGMENT, 2],
  [START_SEGMENT, 4],
  [LINEAR, 2],
  [START_LINEAR, 4],
])

/** The value of a hex digit, 0xff for any other character. */
const digits = new Uint8Array(256).fill(0xff)
for (let value = 0; value < 16; value += 1) {
  const text = value.toString(16)
  digits[text.charCodeAt(0)] = value
  digits[text.toUpperCase().charCodeAt(0)] = value
}

export const intelHex: FormatReader = {
  format: 'intel-hex',
  recognises(reader) {
    const head = reader.head(0, LONGEST_RECORD)
    if (head[0] !== COLON) return false
    const record = new RecordBytes()
    return record.read(head, 0) > 0 && record.isSound()
  },
  inspect({ reader, draft }: Inspection): void {
    const image = new HexImage(draft)
    for (const { lines, end } of pieces(reader)) image.take(lines, end)
    image.finish()
  },
}

/** Chunks that end with a line, the rest of each carried over to the next. */
function* pieces(reader: Reader): Generator<{ lines: Uint8Array; end: number }> {
  const room = new Uint8Array(262_144 + LONGEST_RECORD + 2)
  let held = 0
  for (const chunk of reader.chunks(0, reader.sizeBytes)) {
    room.set(chunk, held)
    const filled = held + chunk.length
    const end = Math.max(room.lastIndexOf(0x0a, filled - 1), room.lastIndexOf(0x0d, filled - 1)) + 1
    yield { lines: room, end }
    held = filled - end
    if (held > LONGEST_RECORD) throw new Unreadable('a line is longer than any record')
    room.copyWithin(0, end, filled)
  }
  yield { lines: room, end: held }
}

/** One record as bytes: length, address, type, data, checksum. */
class RecordBytes {
  readonly bytes = new Uint8Array(5 + 255)
  length = 0
  private sum = 0

  /** @param at where the colon stands. @returns where the record ends, 0 when it is none. */
  read(text: Uint8Array, at: number): number {
    const count = pair(text, at + 1)
    if (count > 255) return 0
    this.length = count
    const total = count + 5
    let [sum, wrong, from] = [0, 0, at + 1]
    for (let index = 0; index < total; index += 1, from += 2) {
      const value = ((digits[text[from] ?? 0] ?? 0) << 4) | (digits[text[from + 1] ?? 0] ?? 0)
      // A character that is no digit sets bits that no byte has.
      wrong |= value
      this.bytes[index] = value
      sum += value
    }
    this.sum = sum & 0xff
    return wrong > 255 ? 0 : from
  }

  /** All bytes of a record add up to zero. */
  isSound(): boolean {
    return this.sum === 0
  }

  word(at: number): number {
    return ((this.bytes[at] ?? 0) << 8) | (this.bytes[at + 1] ?? 0)
  }
}

const pair = (text: Uint8Array, at: number): number =>
  ((digits[text[at] ?? 0] ?? 0) << 4) | (digits[text[at + 1] ?? 0] ?? 0)

/** What the records say, in the order of the file. */
class HexImage {
  private readonly record = new RecordBytes()
  private line = 1
  private readonly runs = new AddressRuns()
  private base = 0
  private isSegmented = false
  private expected = -1
  private bytes = 0
  private gaps = 0
  private lowest = Infinity
  private highest = -1
  private unsound = 0
  private hasEnded = false

  constructor(private readonly draft: FindingsDraft) {}

  take(text: Uint8Array, end: number): void {
    for (let at = 0; at < end;) {
      const character = text[at] ?? 0
      if (character === COLON) at = this.takeRecord(text, at, end)
      else {
        if (!between.has(character)) throw new Unreadable(`line ${this.line} is no record`)
        if (character === LINE_FEED) this.line += 1
        at += 1
      }
    }
  }

  /** @returns where it ends. */
  private takeRecord(text: Uint8Array, at: number, end: number): number {
    if (this.hasEnded) throw new Unreadable(`line ${this.line} follows the end record`)
    const next = this.record.read(text, at)
    if (next === 0 || next > end) throw new Unreadable(`line ${this.line} is no whole record`)
    if (!this.record.isSound()) this.unsound += this.unsound === 0 ? this.firstUnsound() : 1
    this.apply()
    return next
  }

  private firstUnsound(): number {
    this.draft.fault(`the checksum of line ${this.line} is wrong`)
    return 1
  }

  private apply(): void {
    const type = this.record.bytes[3]
    if (type === DATA) {
      this.takeData()
      return
    }
    const length = lengths.get(type ?? -1)
    if (length === undefined) throw new Unreadable(`line ${this.line} is a record of no known type`)
    if (length !== this.record.length) throw new Unreadable(`line ${this.line} has another length than its type`)
    if (type === END) this.hasEnded = true
    else if (type === SEGMENT || type === LINEAR) this.takeBase(type === SEGMENT)
    else if (type === START_LINEAR)
      this.draft.fact('entryPoint', hexNumber(this.record.word(4) * 65_536 + this.record.word(6)))
  }

  private takeBase(isSegmented: boolean): void {
    this.isSegmented = isSegmented
    this.base = this.record.word(4) * (isSegmented ? 16 : 65_536)
  }

  private takeData(): void {
    const address = this.base + this.record.word(1)
    if (this.expected !== -1 && address !== this.expected) this.gaps += 1
    this.expected = address + this.record.length
    // Within a segment addresses start over; some loaders go on.
    if (this.isSegmented && this.expected > this.base + 65_536)
      throw new Unreadable(`line ${this.line} reaches beyond its segment`)
    this.runs.take(address, this.expected)
    this.bytes += this.record.length
    if (address < this.lowest) this.lowest = address
    if (this.expected > this.highest) this.highest = this.expected
  }

  finish(): void {
    if (!this.hasEnded) this.draft.fault('truncated: it has no end record')
    if (this.unsound > 1) this.draft.fault(`the checksums of ${this.unsound} lines are wrong`)
    if (this.bytes === 0) this.draft.fault('it has no data')
    else this.draft.fact('addresses', `${hexNumber(this.lowest)} to ${hexNumber(this.highest)}`)
    this.draft.fact('dataBytes', this.bytes)
    this.draft.fact('gaps', this.gaps)
  }
}
