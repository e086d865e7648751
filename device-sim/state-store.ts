import { equalBytes, sha256 } from '../src/domain/bytes.js'
import { findFile, flushFolderOf, writeWhole } from './durable-file.js'

const MAGIC = 0x43535354
const HEAD_BYTES = 16
const SUM_BYTES = 32

interface Copy {
  readonly path: string
  /** 0 for a copy that is missing or torn. */
  readonly generation: number
  readonly content: Uint8Array | null
}

/**
 * One value on disk that survives a power cut at any byte of a write (trust.md §5, step 1). Two files take turns:
 * a write touches only the older one, so the newest whole value is never in danger.
 * A file is: magic (4) ‖ generation (8) ‖ content length (4) ‖ content ‖ SHA-256 of everything before.
 */
export class StateStore {
  private generation: number
  private oldest: string
  private newest: string

  private constructor(
    a: Copy,
    b: Copy,
    /** The value that was found, or null on a device that never wrote one. */
    readonly found: Uint8Array | null,
    private readonly isFlushed: boolean,
  ) {
    const [older, newer] = a.generation <= b.generation ? [a, b] : [b, a]
    this.generation = newer.generation
    this.oldest = older.path
    this.newest = newer.path
  }

  /** Opens `<path>-a` and `<path>-b`; either may be missing or torn. `isFlushed` as in `writeWhole`. */
  static open(path: string, isFlushed = true): StateStore {
    const a = readCopy(`${path}-a`)
    const b = readCopy(`${path}-b`)
    return new StateStore(a, b, (a.generation > b.generation ? a : b).content, isFlushed)
  }

  /** Returns when the value is written, and on the medium when writes are flushed. */
  save(content: Uint8Array): void {
    const isFirst = this.generation < 2
    this.generation += 1
    writeWhole(this.oldest, encodeCopy(this.generation, content), this.isFlushed)
    if (isFirst && this.isFlushed) flushFolderOf(this.oldest)
    ;[this.oldest, this.newest] = [this.newest, this.oldest]
  }
}

export function encodeCopy(generation: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + content.length + SUM_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, MAGIC)
  view.setBigUint64(4, BigInt(generation))
  view.setUint32(12, content.length)
  bytes.set(content, HEAD_BYTES)
  const summed = bytes.subarray(0, HEAD_BYTES + content.length)
  bytes.set(sha256(summed), summed.length)
  return bytes
}

function readCopy(path: string): Copy {
  const torn: Copy = { path, generation: 0, content: null }
  const bytes = findFile(path)
  if (bytes === null || bytes.length < HEAD_BYTES + SUM_BYTES) return torn
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = HEAD_BYTES + view.getUint32(12)
  if (view.getUint32(0) !== MAGIC || bytes.length !== end + SUM_BYTES) return torn
  // The sum covers the generation too: a torn head could otherwise make the older value look like the newer.
  if (!equalBytes(sha256(bytes.subarray(0, end)), bytes.subarray(end))) return torn
  return { path, generation: Number(view.getBigUint64(4)), content: bytes.slice(HEAD_BYTES, end) }
}
