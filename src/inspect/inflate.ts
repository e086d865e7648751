import { Readable } from 'node:stream'
import { constants, createGunzip, createInflateRaw, inflateSync } from 'node:zlib'
import type { Chunks } from './byte-stream.js'
import { Unreadable } from './unreadable.js'

const CHUNK_BYTES = 1_048_576

/**
 * How much may come out of compressed bytes in all. Sparse file systems shrink a hundredfold and are welcome; a file that
 * is nothing but a promise to be large is not.
 */
export class InflateLimit {
  private readonly limitBytes: number
  private inflatedBytes = 0

  constructor(compressedBytes: number) {
    this.limitBytes = 268_435_456 + compressedBytes * 200
  }

  /** @throws Unreadable beyond the limit. */
  take(bytes: number): void {
    this.inflatedBytes += bytes
    if (this.inflatedBytes > this.limitBytes)
      throw new Unreadable(`inflates to more than ${this.limitBytes} bytes: a file that is made to exhaust its reader`)
  }
}

/** Inflates a stream in a fixed amount of memory. @throws Unreadable for damaged data, or beyond the limit. */
export async function* inflate(
  chunks: Chunks,
  kind: 'gzip' | 'deflate',
  limit: InflateLimit,
): AsyncGenerator<Uint8Array> {
  const options = { chunkSize: CHUNK_BYTES, finishFlush: constants.Z_FINISH }
  const engine = kind === 'gzip' ? createGunzip(options) : createInflateRaw(options)
  let fedBytes = 0
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of copies(chunks)) {
      fedBytes += chunk.length
      yield chunk
    }
  }
  const source = Readable.from(counted(), { highWaterMark: 1 })
  source.on('error', (error) => engine.destroy(error))
  source.pipe(engine)
  try {
    for await (const piece of engine as AsyncIterable<Uint8Array>) {
      limit.take(piece.length)
      yield piece
    }
    // What follows the end of the stream is skipped by one reader and begins a file to another.
    if (engine.bytesWritten !== fedBytes) throw new Unreadable('bytes hide behind its compressed data')
  } catch (error) {
    throw asUnreadable(error)
  } finally {
    source.destroy()
    engine.destroy()
  }
}

/** Inflates a small block (zlib, RFC 1950). @throws Unreadable. */
export function inflateBlock(bytes: Uint8Array, limitBytes: number): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: limitBytes })
  } catch (error) {
    throw asUnreadable(error)
  }
}

/** The engine reads in its own time, when the chunk may have been filled anew. */
async function* copies(chunks: Chunks): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield chunk.slice()
}

function asUnreadable(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  if (/^Z_|^ERR_BUFFER_TOO_LARGE$|^ERR_TRAILING_JUNK/.test(code))
    return new Unreadable(`compressed data are damaged (${code})`, { cause: error })
  return error
}
