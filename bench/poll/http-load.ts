import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  /** The whole request of the n-th poll, ready to be sent. */
  request(index: number): Buffer
  /** Polls a second over all connections; without it as many as are answered. */
  readonly perSecond?: number
}
export interface LoadResult {
  readonly polls: number
  readonly elapsedMs: number
  readonly latenciesMs: Float64Array
}

const HEAD_END = Buffer.from('\r\n\r\n')
const MAX_LATENCIES = 2_000_000

/**
 * A load that costs little itself: each connection sends its next request when the answer to the last is whole. Headers are looked
 * at only as far as it takes to know where an answer ends.
 */
export class HttpLoad {
  private readonly lanes: Lane[] = []
  private next = 0

  constructor(private readonly options: LoadOptions) {}

  async open(): Promise<void> {
    const lanes = Array.from({ length: this.options.connections }, () => new Lane(this.options.port))
    await Promise.all(lanes.map((lane) => lane.opened))
    this.lanes.push(...lanes)
  }

  close(): void {
    for (const lane of this.lanes) lane.close()
  }

  /** So many polls, as fast as they are answered. @throws as `run`. */
  async exchange(polls: number): Promise<void> {
    let left = polls
    await Promise.all(
      this.lanes.map(async (lane) => {
        while (left > 0) {
          left -= 1
          await lane.exchange(this.options.request(this.next++))
        }
      }),
    )
  }

  /** @throws Error when an answer is not 200 or 304, or a connection ends. */
  async run(durationMs: number): Promise<LoadResult> {
    const { perSecond } = this.options
    const most =
      perSecond === undefined ? MAX_LATENCIES : Math.ceil((perSecond * durationMs) / 1_000) + this.lanes.length
    const latencies = new Float64Array(most)
    const began = performance.now()
    const end = began + durationMs
    let polls = 0
    const gapMs = perSecond === undefined ? 0 : (this.lanes.length * 1_000) / perSecond
    await Promise.all(
      this.lanes.map(async (lane, index) => {
        // When each poll is due does not depend on how long the one before took: waiting counts as latency.
        let due = began + (gapMs * index) / this.lanes.length
        for (;;) {
          const now = performance.now()
          if (Math.max(now, due) >= end) return
          if (gapMs > 0 && due > now) await new Promise((resolve) => setTimeout(resolve, due - now))
          const from = gapMs > 0 ? due : performance.now()
          await lane.exchange(this.options.request(this.next++))
          if (polls < most) latencies[polls] = performance.now() - from
          polls += 1
          due += gapMs
        }
      }),
    )
    const measured = latencies.subarray(0, Math.min(polls, most))
    return { polls, elapsedMs: performance.now() - began, latenciesMs: measured.slice().sort() }
  }
}

class Lane {
  private readonly socket: Socket
  private held: Buffer = Buffer.alloc(0)
  private resolve: () => void = () => undefined
  private reject: (error: Error) => void = () => undefined
  readonly opened: Promise<void>

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.opened = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve)
      this.socket.once('error', reject)
    })
    this.socket.on('data', (chunk) => this.take(chunk))
    this.socket.on('close', () => this.reject(new Error('the connection ended')))
  }

  close(): void {
    this.reject = () => undefined
    this.socket.destroy()
  }

  exchange(request: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
      this.socket.write(request)
    })
  }

  private take(chunk: Buffer): void {
    this.held = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk])
    const head = this.held.indexOf(HEAD_END)
    if (head === -1) return
    const text = this.held.toString('latin1', 0, head)
    const status = text.slice(9, 12)
    const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1]
    if (status === '304' || this.held.length >= head + 4 + Number(length)) {
      this.held = Buffer.alloc(0)
      if (status === '200' || status === '304') this.resolve()
      else this.reject(new Error(`an answer of ${status}`))
    }
  }
}
