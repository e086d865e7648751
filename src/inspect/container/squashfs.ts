import { inflateBlock } from '../inflate.js'
import type { Reader } from '../reader.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'

// Linux, Documentation/filesystems/squashfs.rst, and fs/squashfs/squashfs_fs.h; version 4.0, little endian.
const MAGIC = 0x73717368
const SUPERBLOCK_BYTES = 96
const METADATA_BYTES = 8_192
const UNCOMPRESSED_METADATA = 0x8000
const UNCOMPRESSED_DATA = 0x100_0000
const NO_FRAGMENT = 0xffff_ffff
const [DIRECTORY, FILE, LONG_DIRECTORY, LONG_FILE] = [1, 2, 8, 9]
const GZIP = 1
const compressors = ['none', 'gzip', 'lzma', 'lzo', 'xz', 'lz4', 'zstd']
const FILE_LIMIT_BYTES = 1_048_576
const DIRECTORY_LIMIT_BYTES = 262_144

/** Whether its superblock claims more bytes than there are. */
export const isCutSquashfs = (reader: Reader): boolean =>
  isSquashfs(reader) && wide(reader.view(0, SUPERBLOCK_BYTES), 40) > reader.sizeBytes

export const isSquashfs = (reader: Reader): boolean => reader.view(0, 4).getUint32(0, true) === MAGIC

/** A place in a table of metadata: a block, and an offset in what it holds. */
interface MetadataPlace {
  readonly block: number
  readonly offset: number
}

/** A file system image, as far as it takes to read one small file of its root folder. */
export class Squashfs {
  readonly compressor: string
  readonly usedBytes: number
  private readonly blockBytes: number
  private readonly inodesAt: number
  private readonly directoriesAt: number
  private readonly fragmentsAt: number
  private readonly rootInode: MetadataPlace

  /** @throws Unreadable for anything but version 4.0. */
  constructor(private readonly reader: Reader) {
    const view = reader.view(0, SUPERBLOCK_BYTES)
    if (!isSquashfs(reader) || view.getUint16(28, true) !== 4) throw new Unreadable('it is no squashfs of version 4')
    this.blockBytes = view.getUint32(12, true)
    if (this.blockBytes > 1_048_576 || this.blockBytes < 4_096) throw new Unreadable('its blocks are of no known size')
    this.compressor = compressors[view.getUint16(20, true)] ?? 'unknown'
    this.rootInode = { block: wide(view, 32, 16), offset: view.getUint16(32, true) }
    this.usedBytes = wide(view, 40)
    this.inodesAt = wide(view, 64)
    this.directoriesAt = wide(view, 72)
    this.fragmentsAt = wide(view, 80)
    if (this.usedBytes > reader.sizeBytes) throw new Unreadable(`truncated: it claims ${this.usedBytes} bytes`)
  }

  /** Whether what is compressed can be read. */
  get isReadable(): boolean {
    return this.compressor === compressors[GZIP]
  }

  /** @returns the content of a file in the root folder, or null when there is none of that name. */
  readFile(name: string): Uint8Array | null {
    const inode = this.findInRoot(name)
    return inode === null ? null : this.readContent(inode)
  }

  private findInRoot(wanted: string): MetadataPlace | null {
    const inode = new MetadataCursor(this, this.inodesAt, this.rootInode)
    const type = inode.view(16).getUint16(0, true)
    let place: MetadataPlace
    let listBytes: number
    if (type === DIRECTORY) {
      const view = inode.view(16)
      place = { block: view.getUint32(0, true), offset: view.getUint16(10, true) }
      listBytes = view.getUint16(8, true)
    } else if (type === LONG_DIRECTORY) {
      const view = inode.view(24)
      place = { block: view.getUint32(8, true), offset: view.getUint16(18, true) }
      listBytes = view.getUint32(4, true)
    } else throw new Unreadable('its root is no folder')
    if (listBytes > DIRECTORY_LIMIT_BYTES) throw new Unreadable('its root folder is too large')
    // Three bytes are counted for "." and "..", which are not stored.
    return this.findIn(new MetadataCursor(this, this.directoriesAt, place), listBytes - 3, wanted)
  }

  private findIn(list: MetadataCursor, listBytes: number, wanted: string): MetadataPlace | null {
    for (let left = listBytes; left > 0;) {
      const head = list.view(12)
      const block = head.getUint32(4, true)
      left -= 12
      for (let count = head.getUint32(0, true) + 1; count > 0 && left > 0; count -= 1) {
        const entry = list.view(8)
        const nameBytes = entry.getUint16(6, true) + 1
        const name = documentText(list.take(nameBytes))
        if (name === wanted) return { block, offset: entry.getUint16(0, true) }
        left -= 8 + nameBytes
      }
    }
    return null
  }

  private readContent(place: MetadataPlace): Uint8Array {
    const inode = new MetadataCursor(this, this.inodesAt, place)
    const type = inode.view(16).getUint16(0, true)
    if (type !== FILE && type !== LONG_FILE) throw new Unreadable('what should be a file is none')
    const isLong = type === LONG_FILE
    const view = inode.view(isLong ? 40 : 16)
    let at = isLong ? wide(view, 0) : view.getUint32(0, true)
    const bytes = isLong ? wide(view, 8) : view.getUint32(12, true)
    const fragment = view.getUint32(isLong ? 28 : 4, true)
    const offset = view.getUint32(isLong ? 32 : 8, true)
    if (bytes > FILE_LIMIT_BYTES) throw new Unreadable(`a file of ${bytes} bytes is larger than it may be`)
    const content = new Uint8Array(bytes)
    const blocks = fragment === NO_FRAGMENT ? Math.ceil(bytes / this.blockBytes) : Math.floor(bytes / this.blockBytes)
    for (let index = 0; index < blocks; index += 1) {
      const size = inode.view(4).getUint32(0, true)
      const room = Math.min(this.blockBytes, bytes - index * this.blockBytes)
      content.set(this.block(at, size).subarray(0, room), index * this.blockBytes)
      at += size & ~UNCOMPRESSED_DATA
    }
    const tail = blocks * this.blockBytes
    if (tail < bytes) content.set(this.fragment(fragment).subarray(offset, offset + bytes - tail), tail)
    return content
  }

  private fragment(index: number): Uint8Array {
    const block = wide(this.reader.view(this.fragmentsAt + Math.floor(index / 512) * 8, 8), 0)
    const entry = new MetadataCursor(this, block, { block: 0, offset: (index % 512) * 16 }).view(16)
    return this.block(wide(entry, 0), entry.getUint32(8, true))
  }

  /** A block of data; its size says whether it is compressed. Size 0 is a block of zeros. */
  private block(at: number, size: number): Uint8Array {
    const stored = size & ~UNCOMPRESSED_DATA
    if (stored > this.blockBytes) throw new Unreadable('a block is larger than its file system says')
    if (stored === 0) return new Uint8Array(this.blockBytes)
    return this.unpack(this.reader.bytes(at, stored), (size & UNCOMPRESSED_DATA) !== 0, this.blockBytes)
  }

  /** One block of metadata and where the next begins. */
  metadata(at: number): { bytes: Uint8Array; nextAt: number } {
    const head = this.reader.view(at, 2).getUint16(0, true)
    const stored = head & ~UNCOMPRESSED_METADATA
    if (stored === 0 || stored > METADATA_BYTES) throw new Unreadable('a block of metadata is of no known size')
    const isPlain = (head & UNCOMPRESSED_METADATA) !== 0
    return { bytes: this.unpack(this.reader.bytes(at + 2, stored), isPlain, METADATA_BYTES), nextAt: at + 2 + stored }
  }

  private unpack(bytes: Uint8Array, isPlain: boolean, limitBytes: number): Uint8Array {
    if (isPlain) return bytes
    if (!this.isReadable) throw new Unreadable(`it is compressed with ${this.compressor}`)
    return inflateBlock(bytes, limitBytes)
  }
}

/** Reads on through blocks of metadata, as if they were one. */
class MetadataCursor {
  private bytes: Uint8Array
  private nextAt: number
  private offset: number

  constructor(
    private readonly image: Squashfs,
    tableAt: number,
    place: MetadataPlace,
  ) {
    ;({ bytes: this.bytes, nextAt: this.nextAt } = image.metadata(tableAt + place.block))
    this.offset = place.offset
  }

  take(length: number): Uint8Array {
    const taken = new Uint8Array(length)
    for (let filled = 0; filled < length;) {
      if (this.offset >= this.bytes.length) {
        this.offset -= this.bytes.length
        ;({ bytes: this.bytes, nextAt: this.nextAt } = this.image.metadata(this.nextAt))
      }
      const part = this.bytes.subarray(this.offset, this.offset + length - filled)
      taken.set(part, filled)
      filled += part.length
      this.offset += part.length
    }
    return taken
  }

  view(length: number): DataView {
    return new DataView(this.take(length).buffer)
  }
}

/** A 64-bit number, or its upper part. */
function wide(view: DataView, at: number, shift = 0): number {
  const value = Number(view.getBigUint64(at, true) >> BigInt(shift))
  if (!Number.isSafeInteger(value)) throw new Unreadable('a number of its file system is too large')
  return value
}
