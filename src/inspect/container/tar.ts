import type { ByteStream } from '../byte-stream.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'

// POSIX.1-2017, pax, "ustar Interchange Format".
const BLOCK_BYTES = 512
const MOST_ENTRIES = 10_000
const EXTENSION_LIMIT_BYTES = 65_536
const forms = ['ustar\x0000', 'ustar  \0']

export interface TarEntry {
  readonly name: string
  readonly bytes: number
  /** The content as it comes. What is not read is passed over. */
  pieces(): AsyncGenerator<Uint8Array>
}

export const isTar = (block: Uint8Array): boolean => documentText(block.subarray(257, 262)) === 'ustar'

/**
 * The files of an archive in their order.
 * @throws Unreadable for a header whose checksum is wrong, and for whatever other readers take in another way: global and
 * doubled extensions, sizes in them, sparse files, links, folders.
 */
export async function* readTar(stream: ByteStream): AsyncGenerator<TarEntry> {
  let longName: string | null = null
  let isExtended = false
  for (let count = 0; count < MOST_ENTRIES; count += 1) {
    const block = await stream.take(BLOCK_BYTES)
    if (isZero(block)) {
      await requireEnd(stream)
      return
    }
    const header = readHeader(block)
    const rest = (BLOCK_BYTES - (header.bytes % BLOCK_BYTES)) % BLOCK_BYTES
    if (isExtension(header.type)) {
      if (header.bytes > EXTENSION_LIMIT_BYTES) throw new Unreadable('a header of its archive is too large')
      if (isExtended) throw new Unreadable('a file of its archive has two extended headers')
      isExtended = true
      longName = nameIn(header.type, await stream.take(header.bytes))
      await stream.skip(rest)
      continue
    }
    const name = longName ?? header.name
    if ((header.type !== '0' && header.type !== '\0') || name.endsWith('/'))
      throw new Unreadable('its archive holds something else than files')
    let leftBytes = header.bytes
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      while (leftBytes > 0)
        for await (const piece of stream.pieces(leftBytes)) {
          leftBytes -= piece.length
          yield piece
        }
    }
    yield { name, bytes: header.bytes, pieces }
    longName = null
    isExtended = false
    await stream.skip(leftBytes + rest)
  }
  throw new Unreadable(`its archive holds more than ${MOST_ENTRIES} files`)
}

/** Nothing but zeros follows the last file: no reader would see what hides there. */
async function requireEnd(stream: ByteStream): Promise<void> {
  for await (const piece of stream.rest())
    if (!isZero(piece)) throw new Unreadable('bytes hide behind the end of its archive')
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

const isExtension = (type: string): boolean => type === 'x' || type === 'L'

/** GNU's long names are all of the value; pax has records, of which the last of a kind counts. */
function nameIn(type: string, value: Uint8Array): string | null {
  if (type === 'L') return text(value)
  const records = paxRecords(value)
  const other = [...records.keys()].find((key) => key === 'size' || key.startsWith('GNU.'))
  if (other !== undefined) throw new Unreadable(`a file of its archive has another ${other} than its header says`)
  return records.get('path') ?? null
}

/** Records of `length key=value` and a line feed, where the length counts all of them. */
function paxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const digits = /^[1-9]\d{0,5}(?= )/.exec(documentText(bytes.subarray(at, at + 7)))?.[0] ?? ''
    const end = at + Number(digits)
    const record = documentText(bytes.subarray(at + digits.length + 1, end - 1))
    const equals = record.indexOf('=')
    if (digits === '' || end > bytes.length || bytes[end - 1] !== 0x0a || equals < 1 || record.includes('\0'))
      throw new Unreadable('an extended header of its archive has a record that is none')
    records.set(record.slice(0, equals), record.slice(equals + 1))
    at = end
  }
  return records
}

function readHeader(block: Uint8Array): { name: string; type: string; bytes: number } {
  const stated = octal(block.subarray(148, 156))
  let sum = 8 * 0x20
  for (const [index, byte] of block.entries()) if (index < 148 || index >= 156) sum += byte
  if (!isTar(block) || stated !== sum) throw new Unreadable('its archive is damaged: a header has the wrong checksum')
  // Of other forms some readers take the fields behind the checksum for something else.
  if (!forms.includes(documentText(block.subarray(257, 265))) || block[508] !== 0)
    throw new Unreadable('its archive is of a form that is neither POSIX nor GNU')
  const prefix = text(block.subarray(345, 500))
  const name = text(block.subarray(0, 100))
  return {
    name: prefix === '' || block[262] === 0x20 ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    bytes: sizeIn(block.subarray(124, 136)),
  }
}

/** Sizes of 8 GiB and more are binary, marked by the highest bit. */
function sizeIn(field: Uint8Array): number {
  if (((field[0] ?? 0) & 0x80) === 0) return octal(field)
  const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0)
  if (!Number.isSafeInteger(value)) throw new Unreadable('a file of its archive claims too many bytes')
  return value
}

function octal(field: Uint8Array): number {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(documentText(field))?.[1]
  if (digits === undefined) throw new Unreadable('its archive is damaged: a number is none')
  return Number.parseInt(digits, 8)
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0)
  return documentText(end === -1 ? field : field.subarray(0, end))
}
