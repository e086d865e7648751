import type { Sink } from '../digests.js'
import type { Reader } from '../reader.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'

// cpio(5), "New ASCII Format" and "New CRC Format": numbers in eight hex digits, names and data filled up to four bytes.
const HEADER_BYTES = 110
const PLAIN = '070701'
const SUMMED = '070702'
const NAME_LIMIT_BYTES = 256
const MOST_ENTRIES = 1_024
const END_NAME = 'TRAILER!!!'

export interface CpioEntry {
  readonly name: string
  readonly at: number
  readonly bytes: number
  /** What its bytes add up to, where the format says so. */
  readonly sum: number | null
}

export const isCpio = (reader: Reader): boolean => [PLAIN, SUMMED].includes(documentText(reader.bytes(0, 6)))

/** @throws Unreadable when it ends before its trailer, or a name comes twice. */
export function readCpio(reader: Reader): CpioEntry[] {
  const entries: CpioEntry[] = []
  for (let at = 0; entries.length < MOST_ENTRIES;) {
    const { entry, end } = readEntry(reader, at)
    if (entry.name === END_NAME) {
      requireZeros(reader, end)
      return entries
    }
    if (entries.some(({ name }) => name === entry.name)) throw new Unreadable(`it holds ${entry.name} twice`)
    entries.push(entry)
    at = end
  }
  throw new Unreadable(`it holds more than ${MOST_ENTRIES} files`)
}

function readEntry(reader: Reader, at: number): { entry: CpioEntry; end: number } {
  const header = documentText(reader.bytes(at, HEADER_BYTES))
  const magic = header.slice(0, 6)
  if ((magic !== PLAIN && magic !== SUMMED) || !/^[0-9a-fA-F]+$/.test(header))
    throw new Unreadable(`no file begins at ${at}, where one is due`)
  const field = (index: number): number => Number.parseInt(header.slice(6 + index * 8, 14 + index * 8), 16)
  const bytes = field(6)
  const nameBytes = field(11)
  if (nameBytes < 2 || nameBytes > NAME_LIMIT_BYTES) throw new Unreadable(`a name claims ${nameBytes} bytes`)
  const nameField = reader.bytes(at + HEADER_BYTES, nameBytes)
  // A reader in C sees what stands before the first NUL, and takes two names for one that are two here.
  if (nameField.indexOf(0) !== nameBytes - 1)
    throw new Unreadable(`the name of the file at ${at} does not end where it says`)
  const name = documentText(nameField.subarray(0, -1))
  const dataAt = filled(at + HEADER_BYTES + nameBytes)
  const end = filled(dataAt + bytes)
  if (dataAt + bytes > reader.sizeBytes) throw new Unreadable(`truncated: ${name} ends at ${dataAt + bytes}`)
  return { entry: { name, at: dataAt, bytes, sum: magic === SUMMED ? field(12) : null }, end }
}

/** Nothing but filling follows the trailer: no reader would see what hides there. */
function requireZeros(reader: Reader, at: number): void {
  const from = Math.min(at, reader.sizeBytes)
  for (const chunk of reader.chunks(from, reader.sizeBytes - from))
    if (!chunk.every((byte) => byte === 0)) throw new Unreadable('bytes hide behind the end of its archive')
}

const filled = (at: number): number => Math.ceil(at / 4) * 4

/** All bytes added up, in 32 bits. */
export class ByteSum implements Sink {
  private sum = 0

  update(chunk: Uint8Array): void {
    let sum = 0
    for (let index = 0; index < chunk.length; index += 1) sum += chunk[index] ?? 0
    this.sum = (this.sum + sum) % 0x1_0000_0000
  }

  value(): number {
    return this.sum
  }
}
