import { Unreadable } from './unreadable.js'

/** Bytes that can be read at any place: a file, or bytes in memory. */
export interface ByteSource {
  readonly sizeBytes: number
  /** Fills `target` from `at`. @returns how many bytes there were; fewer than asked for only at the end. */
  readInto(target: Uint8Array, at: number): number
}

const CHUNK_BYTES = 262_144
const WINDOW_BYTES = 16_384
/** What a format may ask for in one piece: tables and documents, never content. */
const PIECE_LIMIT_BYTES = 4_194_304

/**
 * Reads within bounds: nothing outside the source, no large piece at once, and in all no more than a few times its size,
 * so that tables which point to the same bytes over and over cost no more than reading them a few times.
 */
export class Reader {
  readonly sizeBytes: number
  private leftBytes: number
  private readonly window = new Uint8Array(WINDOW_BYTES)
  private windowAt = 0
  private windowBytes = 0

  constructor(private readonly source: ByteSource) {
    this.sizeBytes = source.sizeBytes
    this.leftBytes = source.sizeBytes * 8 + 33_554_432
  }

  /** A copy. @throws Unreadable outside the source. */
  bytes(at: number, length: number): Uint8Array {
    this.requireInside(at, length)
    if (length > PIECE_LIMIT_BYTES) throw new Unreadable(`a part of ${length} bytes is larger than it may be`)
    if (length > WINDOW_BYTES) {
      this.spend(length)
      return this.fill(new Uint8Array(length), at)
    }
    this.requireWindow(at, length)
    return this.window.slice(at - this.windowAt, at - this.windowAt + length)
  }

  view(at: number, length: number): DataView {
    const bytes = this.bytes(at, length)
    return new DataView(bytes.buffer, bytes.byteOffset, length)
  }

  /** Up to `length` bytes from `at`, fewer at the end. */
  head(at: number, length: number): Uint8Array {
    return this.bytes(at, Math.max(0, Math.min(length, this.sizeBytes - at)))
  }

  /** The bytes in order, in chunks whose length divides by 4,096. Each is valid until the next is asked for. */
  *chunks(at: number, length: number): Generator<Uint8Array> {
    this.requireInside(at, length)
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, length))
    for (let done = 0; done < length; done += chunk.length) {
      const part = chunk.subarray(0, Math.min(chunk.length, length - done))
      this.spend(part.length)
      yield this.fill(part, at + done)
    }
  }

  private requireInside(at: number, length: number): void {
    const isNumber = Number.isSafeInteger(at) && Number.isSafeInteger(length) && at >= 0 && length >= 0
    if (!isNumber || at + length > this.sizeBytes)
      throw new Unreadable(`truncated: ${length} bytes at ${at} reach beyond its ${this.sizeBytes} bytes`)
  }

  /** Small reads come from a window that moves along with them. */
  private requireWindow(at: number, length: number): void {
    this.spend(length + 16)
    if (at >= this.windowAt && at + length <= this.windowAt + this.windowBytes) return
    this.windowAt = at
    this.windowBytes = Math.min(WINDOW_BYTES, this.sizeBytes - at)
    this.fill(this.window.subarray(0, this.windowBytes), at)
  }

  private fill(target: Uint8Array, at: number): Uint8Array {
    if (this.source.readInto(target, at) !== target.length) throw new Unreadable('truncated while it was read')
    return target
  }

  private spend(bytes: number): void {
    this.leftBytes -= bytes
    if (this.leftBytes < 0) throw new Unreadable('its tables ask for the same bytes too often')
  }
}

/** Bytes in memory as a source. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    readInto: (target, at) => {
      const part = bytes.subarray(at, at + target.length)
      target.set(part)
      return part.length
    },
  }
}
