import type { FileHandle } from 'node:fs/promises'
import { asStoreFailure } from './store-failure.js'

/** Small pieces come from a socket; a disk is written in large ones. */
const WRITE_BYTES = 1_048_576
/** The disk is set to work while bytes still come, so that the last flush finds little left to do. */
const FLUSH_BYTES = 67_108_864

/**
 * Writes a stream behind `at`. While one piece is on its way to the disk the next one comes in, and no more than that:
 * the sender waits for the disk.
 * @throws what the stream throws, after what came is written and flushed; Refusal `STORE_FULL`, `STORE_UNAVAILABLE`.
 */
export async function appendToFile(file: FileHandle, at: number, source: AsyncIterable<Uint8Array>): Promise<void> {
  const appender = new FileAppender(file, at)
  try {
    for await (const chunk of source) await appender.take(chunk)
  } finally {
    await appender.end()
  }
}

class FileAppender {
  private chunks: Uint8Array[] = []
  private heldBytes = 0
  private writtenSinceFlush = 0
  private writing: Promise<void> = Promise.resolve()
  private flushing: Promise<void> = Promise.resolve()

  constructor(
    private readonly file: FileHandle,
    private position: number,
  ) {}

  async take(chunk: Uint8Array): Promise<void> {
    this.chunks.push(chunk)
    this.heldBytes += chunk.length
    if (this.heldBytes < WRITE_BYTES) return
    await this.write()
    if (this.writtenSinceFlush < FLUSH_BYTES) return
    this.writtenSinceFlush = 0
    await this.flushing
    this.flushing = this.file.datasync()
    ignoreUntilAwaited(this.flushing)
  }

  async end(): Promise<void> {
    await this.write()
    try {
      await this.writing
      await this.flushing
      await this.file.datasync()
    } catch (error) {
      throw asStoreFailure(error)
    }
  }

  /** Hands over what is held, after the piece before has reached the disk. */
  private async write(): Promise<void> {
    const chunks = this.chunks
    this.chunks = []
    try {
      await this.writing
    } catch (error) {
      throw asStoreFailure(error)
    }
    this.writing = writeAll(this.file, chunks, this.position)
    ignoreUntilAwaited(this.writing)
    this.position += this.heldBytes
    this.writtenSinceFlush += this.heldBytes
    this.heldBytes = 0
  }
}

/** It is awaited later; until then a failure is no unhandled one. */
const ignoreUntilAwaited = (pending: Promise<void>): void => void pending.catch(() => undefined)

/** A disk that is nearly full writes a part and says so by the count, not by an error. */
async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], at: number): Promise<void> {
  let rest = [...chunks]
  let position = at
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, position)
    position += bytesWritten
    rest = behind(rest, bytesWritten)
  }
}

function behind(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes
  const rest: Uint8Array[] = []
  for (const chunk of chunks) {
    if (left < chunk.length) rest.push(left > 0 ? chunk.subarray(left) : chunk)
    left = Math.max(0, left - chunk.length)
  }
  return rest
}
