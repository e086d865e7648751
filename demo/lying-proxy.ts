import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeUpdateAnswer, parseUpdateAnswer, type UpdateAnswer } from '../src/protocol/device-http.js'

/** What a thief of the server may do to an answer on its way to a device. */
export interface Lies {
  /** Exchanges parts of the answer to a poll. */
  readonly answer?: (answer: UpdateAnswer) => UpdateAnswer
  /** Exchanges the bytes of a payload. */
  readonly payload?: (bytes: Buffer) => Buffer
}

/** Stands between devices and the real server: everything passes, save what it was told to spoil. */
export class LyingProxy {
  private lies: Lies = {}
  /** Every poll answer as the server gave it, newest last: what an eavesdropper keeps for a replay. */
  readonly overheard: UpdateAnswer[] = []

  private constructor(
    private readonly server: Server,
    private readonly target: string,
  ) {}

  static async start(target: string): Promise<LyingProxy> {
    const server = createServer()
    const proxy = new LyingProxy(server, target)
    server.on('request', (request, response) => {
      proxy
        .forward(request.method ?? 'GET', request.url ?? '/', request.headers, request)
        .then(({ status, headers, body }) => response.writeHead(status, headers).end(body))
        .catch(() => response.writeHead(502).end())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  tell(lies: Lies): void {
    this.lies = lies
  }

  stop(): Promise<void> {
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }

  private async forward(method: string, path: string, headers: IncomingHttpHeaders, body: AsyncIterable<Buffer>) {
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk)
    const sent = Buffer.concat(chunks)
    const response = await fetch(`${this.target}${path}`, {
      method,
      headers: passedOn(headers),
      ...(method === 'GET' || method === 'HEAD' ? {} : { body: sent }),
    })
    const received = Buffer.from(await response.arrayBuffer())
    const type = response.headers.get('content-type') ?? 'application/octet-stream'
    const passed: Record<string, string> = { 'content-type': type }
    for (const name of ['etag', 'content-range', 'accept-ranges', 'retry-after']) {
      const value = response.headers.get(name)
      if (value !== null) passed[name] = value
    }
    return { status: response.status, headers: passed, body: this.spoil(path, response.status, received) }
  }

  private spoil(path: string, status: number, body: Buffer): Buffer {
    if (path.includes('/payload/') && this.lies.payload !== undefined) return this.lies.payload(body)
    if (status !== 200 || !/\/update(\?|$)/.test(path)) return body
    const answer = parseUpdateAnswer(body)
    this.overheard.push(answer)
    return this.lies.answer === undefined ? body : Buffer.from(encodeUpdateAnswer(this.lies.answer(answer)))
  }
}

function passedOn(headers: IncomingHttpHeaders): Record<string, string> {
  const names = ['authorization', 'content-type', 'accept', 'range', 'if-range']
  // If-None-Match is held back: a liar wants to answer.
  return Object.fromEntries(
    names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]] as const] : [])),
  ) as Record<string, string>
}
