import type { Reader } from '../reader.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'

// PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16. Little endian.
const LOCAL_MAGIC = 0x04034b50
const CENTRAL_MAGIC = 0x02014b50
const END_MAGIC = 0x06054b50
const LOCAL_BYTES = 30
const CENTRAL_BYTES = 46
const END_BYTES = 22
const COMMENT_LIMIT_BYTES = 4_096
const DIRECTORY_LIMIT_BYTES = 1_048_576
const MOST_ENTRIES = 4_096

export interface ZipEntry {
  readonly name: string
  readonly at: number
  readonly compressedBytes: number
  readonly bytes: number
  readonly crc32: number
  readonly method: 'stored' | 'deflate'
  /** Sizes follow the data, because they were not known before it. */
  readonly hasDescriptor: boolean
}

export const isZip = (reader: Reader): boolean => reader.view(0, 4).getUint32(0, true) === LOCAL_MAGIC

/**
 * The entries by the directory at the end. Tools also read it from the front, so both have to say the same, in the same
 * order and with nothing between.
 * @throws Unreadable where they differ, for ZIP64, encryption and other methods.
 */
export function readZip(reader: Reader): ZipEntry[] {
  const { at: start, bytes: length, count } = findDirectory(reader)
  const view = reader.view(start, length)
  const entries: ZipEntry[] = []
  for (let at = 0; entries.length < count;) {
    if (at + CENTRAL_BYTES > length || view.getUint32(at, true) !== CENTRAL_MAGIC)
      throw new Unreadable('its directory ends before its last entry')
    const nameBytes = view.getUint16(at + 28, true)
    if (at + CENTRAL_BYTES + nameBytes > length) throw new Unreadable('a name reaches beyond the directory')
    const localAt = view.getUint32(at + 42, true)
    requireNext(localAt, entries.at(-1))
    const entry = readEntry(reader, view, at, nameBytes, localAt)
    if (entries.some(({ name }) => name === entry.name)) throw new Unreadable(`it holds ${entry.name} twice`)
    entries.push(entry)
    at += CENTRAL_BYTES + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true)
  }
  requireNext(start, entries.at(-1))
  return entries
}

/** Nothing lies between: a reader that begins in front would see what hides there. */
function requireNext(at: number, before: ZipEntry | undefined): void {
  const end = before === undefined ? 0 : before.at + before.compressedBytes
  const descriptors = before?.hasDescriptor === true ? [12, 16] : [0]
  if (!descriptors.includes(at - end))
    throw new Unreadable(at < end ? 'its entries overlap' : `${at - end} bytes at ${end} belong to no entry`)
}

/** The name of the file in front, by what a reader in front finds; null when it does not even have that. */
export function firstZipName(reader: Reader): string | null {
  if (!isZip(reader) || reader.sizeBytes < LOCAL_BYTES) return null
  const nameBytes = reader.view(0, LOCAL_BYTES).getUint16(26, true)
  return LOCAL_BYTES + nameBytes > reader.sizeBytes ? null : documentText(reader.bytes(LOCAL_BYTES, nameBytes))
}

function findDirectory(reader: Reader): { at: number; bytes: number; count: number } {
  const tailBytes = Math.min(reader.sizeBytes, END_BYTES + COMMENT_LIMIT_BYTES)
  const tailAt = reader.sizeBytes - tailBytes
  const view = reader.view(tailAt, tailBytes)
  for (let at = tailBytes - END_BYTES; at >= 0; at -= 1) {
    if (view.getUint32(at, true) !== END_MAGIC) continue
    if (at + END_BYTES + view.getUint16(at + 20, true) !== tailBytes) continue
    const count = view.getUint16(at + 10, true)
    const bytes = view.getUint32(at + 12, true)
    const start = view.getUint32(at + 16, true)
    if (start === 0xffff_ffff || count > MOST_ENTRIES) throw new Unreadable('ZIP64, or too many entries')
    if (bytes > DIRECTORY_LIMIT_BYTES) throw new Unreadable(`its directory claims ${bytes} bytes`)
    if (start + bytes !== tailAt + at) throw new Unreadable('its directory is not where its end says')
    return { at: start, bytes, count }
  }
  throw new Unreadable('truncated: it has no directory')
}

function readEntry(reader: Reader, view: DataView, at: number, nameBytes: number, localAt: number): ZipEntry {
  const name = documentText(new Uint8Array(view.buffer, view.byteOffset + at + CENTRAL_BYTES, nameBytes))
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)]
  if ((flags & 1) !== 0 || (method !== 0 && method !== 8)) throw new Unreadable(`${name} is packed by method ${method}`)
  const local = reader.view(localAt, LOCAL_BYTES)
  const localNameBytes = local.getUint16(26, true)
  const localName = documentText(reader.bytes(localAt + LOCAL_BYTES, localNameBytes))
  if (local.getUint32(0, true) !== LOCAL_MAGIC || localName !== name || local.getUint16(8, true) !== method)
    throw new Unreadable(`${name} is another file in front than in the directory`)
  const entry = {
    name,
    at: localAt + LOCAL_BYTES + localNameBytes + local.getUint16(28, true),
    compressedBytes: view.getUint32(at + 20, true),
    bytes: view.getUint32(at + 24, true),
    crc32: view.getUint32(at + 16, true),
    method: method === 0 ? ('stored' as const) : ('deflate' as const),
    hasDescriptor: (local.getUint16(6, true) & 8) !== 0,
  }
  // Sizes that were not known in front follow the data; where they stand in front they have to be the same.
  const isKnown = (local.getUint16(6, true) & 8) === 0
  if (isKnown && (local.getUint32(18, true) !== entry.compressedBytes || local.getUint32(22, true) !== entry.bytes))
    throw new Unreadable(`${name} has another size in front than in the directory`)
  return entry
}
