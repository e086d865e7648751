import { Unreadable } from './unreadable.js'

/** Chunks, each valid until the next is asked for. */
export type Chunks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

const PIECE_LIMIT_BYTES = 4_194_304

/** Takes a stream of chunks apart by counted bytes. */
export class ByteStream {
  private readonly source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>
  private held: Uint8Array = new Uint8Array(0)

  constructor(chunks: Chunks) {
    this.source = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  }

  /** Exactly `length` bytes, as a copy. @throws Unreadable when the stream ends before. */
  async take(length: number): Promise<Uint8Array> {
    if (length > PIECE_LIMIT_BYTES) throw new Unreadable(`a part of ${length} bytes is larger than it may be`)
    const taken = new Uint8Array(length)
    let filled = 0
    for await (const piece of this.pieces(length)) {
      taken.set(piece, filled)
      filled += piece.length
    }
    return taken
  }

  /** The next `length` bytes as they come. @throws Unreadable when the stream ends before. */
  async *pieces(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (this.held.length === 0 && !(await this.pull())) throw new Unreadable(`truncated: ${left} bytes are missing`)
      const piece = this.held.subarray(0, left)
      this.held = this.held.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  async skip(length: number): Promise<void> {
    for await (const piece of this.pieces(length)) void piece
  }

  /** All that is left. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (this.held.length > 0 || (await this.pull())) {
      const piece = this.held
      this.held = piece.subarray(piece.length)
      yield piece
    }
  }

  private async pull(): Promise<boolean> {
    for (;;) {
      const next = await this.source.next()
      if (next.done === true) return false
      this.held = next.value
      if (this.held.length > 0) return true
    }
  }
}
