import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { Refusal } from '../domain/refusal.js'

/** A file from an offset to the end it had when it was hashed. */
export interface FilePart {
  readonly file: string
  readonly from: number
  readonly sizeBytes: number
}

/** A connection on which nothing moves for so long is dead, whatever the system thinks of it. */
const STALL_MS = 60_000
/** When all is sent the server hashes and stores; that may take longer. */
const ANSWER_MS = 600_000

/** The body of a request, out of a file, with an eye on whether it moves. */
export class FileBody {
  /** What went wrong at this end, when it was not the connection. */
  failure: Error | null = null
  private readonly abort = new AbortController()
  private timer: NodeJS.Timeout | undefined
  private isOver = false

  constructor(
    private readonly part: FilePart,
    private readonly onBytes: (count: number) => void,
  ) {}

  get signal(): AbortSignal {
    return this.abort.signal
  }

  stream(): ReadableStream {
    return Readable.toWeb(Readable.from(this.chunks(), { objectMode: false, highWaterMark: 262_144 }))
  }

  /** Nothing is waited for any more, also when the request still draws on the file. */
  end(): void {
    this.isOver = true
    clearTimeout(this.timer)
  }

  private async *chunks(): AsyncGenerator<Uint8Array> {
    const { file, from, sizeBytes } = this.part
    this.wait(STALL_MS)
    try {
      if (from < sizeBytes) {
        const stream = createReadStream(file, { start: from, end: sizeBytes - 1, highWaterMark: 262_144 })
        for await (const chunk of stream as AsyncIterable<Uint8Array>) {
          this.onBytes(chunk.length)
          this.wait(STALL_MS)
          yield chunk
        }
      }
    } catch (error) {
      this.failure = failureOf(file, error)
      throw this.failure
    }
    this.wait(ANSWER_MS)
  }

  private wait(ms: number): void {
    clearTimeout(this.timer)
    if (!this.isOver) this.timer = setTimeout(() => this.abort.abort(), ms)
  }
}

function failureOf(path: string, error: unknown): Error {
  if (error instanceof Error && 'syscall' in error && 'code' in error)
    return new Refusal('FILE_UNREADABLE', { path, why: String(error.code) }, { cause: error })
  return error instanceof Error ? error : new Error(String(error))
}
