import type { Reader } from '../reader.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'

// PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16. Little endian.
const LOCAL_MAGIC = 0x04034b50
const CENTRAL_MAGIC = 0x02014b50
const DESCRIPTOR_MAGIC = 0x08074b50
const END_MAGIC = 0x06054b50
const LOCAL_BYTES = 30
const CENTRAL_BYTES = 46
const DESCRIPTOR_BYTES = 16
const HAS_DESCRIPTOR = 8
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
  /** Behind the data: what sums and sizes are, where they were not known before it. */
  readonly descriptorBytes: number
}

export const isZip = (reader: Reader): boolean => reader.view(0, 4).getUint32(0, true) === LOCAL_MAGIC

/**
 * The entries by the directory at the end. Tools also read it from the front, so both have to say the same, in the same
 * order and with nothing between.
 * @throws Unreadable where they differ, for ZIP64, encryption, other methods, and extra fields that may rename or resize.
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
  const end = before === undefined ? 0 : before.at + before.compressedBytes + before.descriptorBytes
  if (at !== end)
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
  const isSame = local.getUint16(6, true) === flags && local.getUint16(8, true) === method && localName === name
  if (local.getUint32(0, true) !== LOCAL_MAGIC || !isSame)
    throw new Unreadable(`${name} is another file in front than in the directory`)
  const extraBytes = local.getUint16(28, true)
  requireHarmless(reader.view(localAt + LOCAL_BYTES + localNameBytes, extraBytes), name)
  requireHarmless(extraIn(view, at, nameBytes), name)
  const entry = {
    name,
    at: localAt + LOCAL_BYTES + localNameBytes + extraBytes,
    compressedBytes: view.getUint32(at + 20, true),
    bytes: view.getUint32(at + 24, true),
    crc32: view.getUint32(at + 16, true),
    method: method === 0 ? ('stored' as const) : ('deflate' as const),
    descriptorBytes: (flags & HAS_DESCRIPTOR) === 0 ? 0 : DESCRIPTOR_BYTES,
  }
  requireSameSizes(reader, local, entry)
  return entry
}

/** What was not known in front follows the data: only data that say where they end can be read so from the front. */
function requireSameSizes(reader: Reader, local: DataView, entry: ZipEntry): void {
  const { name, descriptorBytes, method, compressedBytes, bytes } = entry
  const isBehind = descriptorBytes > 0
  if (isBehind && method === 'stored') throw new Unreadable(`${name} is stored, and its size is said behind it`)
  const said = isBehind ? reader.view(entry.at + compressedBytes, DESCRIPTOR_BYTES) : local
  const from = isBehind ? 4 : 14
  const sums = [said.getUint32(from, true), said.getUint32(from + 4, true), said.getUint32(from + 8, true)]
  const isSame = sums.join() === [entry.crc32, compressedBytes, bytes].join()
  if (!isSame || (isBehind && said.getUint32(0, true) !== DESCRIPTOR_MAGIC))
    throw new Unreadable(`${name} has another size at its data than in the directory`)
}

function extraIn(view: DataView, at: number, nameBytes: number): DataView {
  const bytes = view.getUint16(at + 30, true)
  const from = at + CENTRAL_BYTES + nameBytes
  if (from + bytes > view.byteLength) throw new Unreadable('an extra field reaches beyond the directory')
  return new DataView(view.buffer, view.byteOffset + from, bytes)
}

/** Times and owners. Others give the file another name or size, to readers that know them. */
const harmless = [0x5455, 0x5855, 0x7855, 0x7875]

function requireHarmless(extra: DataView, name: string): void {
  for (let at = 0; at < extra.byteLength;) {
    const kind = at + 4 > extra.byteLength ? 0 : extra.getUint16(at, true)
    if (!harmless.includes(kind)) throw new Unreadable(`${name} has an extra field of a kind that is not known here`)
    at += 4 + extra.getUint16(at + 2, true)
  }
}
