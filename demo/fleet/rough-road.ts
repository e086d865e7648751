import { createServer, request as send, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { encodeEnrolAnswer, parseEnrolAnswer } from '../../src/protocol/device-http.js'

const LATE_MS = 2_000
/** A port where no broker answers. */
const NOBODY = 'mqtt://127.0.0.1:9'

export interface Troubles {
  /** Connections that are cut in the middle of a payload: every first request for one by a device. */
  readonly cuts?: boolean
  /** Every report arrives again at once, and once more later. Its devices find no broker, so that reports come this way. */
  readonly repeatsReports?: boolean
  /** Called when half of a payload has gone; the rest never goes while it says true. */
  readonly atHalf?: () => boolean
}

/** The network between some devices and the real server, at its worst. */
export class RoughRoad {
  cuts = 0
  repeated = 0
  private readonly begun = new Set<string>()
  private readonly late = new Set<NodeJS.Timeout>()

  private constructor(
    private readonly server: Server,
    private readonly target: string,
    private readonly troubles: Troubles,
  ) {}

  static async start(target: string, troubles: Troubles): Promise<RoughRoad> {
    const server = createServer()
    const road = new RoughRoad(server, target, troubles)
    server.on('request', (request, response) => {
      road.carry(request, response).catch(() => response.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return road
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  stop(): Promise<void> {
    for (const timer of this.late) clearTimeout(timer)
    this.server.closeAllConnections()
    return new Promise((resolve) => this.server.close(() => resolve()))
  }

  private async carry(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await collect(request)
    const path = request.url ?? '/'
    const answer = await this.pass(request, body)
    const { status, headers } = answer
    if (path.includes('/payload/') && status < 300 && this.isCutOff(request)) {
      response.writeHead(status, headers)
      response.write(answer.body.subarray(0, answer.body.length / 2), () => response.destroy())
      return
    }
    if (this.troubles.repeatsReports === true && path.endsWith('/report')) await this.repeat(request, body)
    const told = path.endsWith('/enrol') && status === 200 ? this.tellOfBroker(answer.body) : answer.body
    response.writeHead(status, { ...headers, 'content-length': String(told.length) }).end(told)
  }

  private isCutOff(request: IncomingMessage): boolean {
    if (this.troubles.atHalf?.() === true) return true
    const who = request.headers.authorization ?? ''
    if (this.troubles.cuts !== true || this.begun.has(who)) return false
    this.begun.add(who)
    this.cuts += 1
    return true
  }

  private async repeat(request: IncomingMessage, body: Buffer): Promise<void> {
    const again = async (): Promise<void> => {
      await this.pass(request, body)
      this.repeated += 1
    }
    await again()
    const timer = setTimeout(() => {
      this.late.delete(timer)
      // The server may have been ended meanwhile.
      again().catch(() => undefined)
    }, LATE_MS)
    this.late.add(timer)
  }

  private tellOfBroker(body: Buffer): Buffer {
    if (this.troubles.repeatsReports !== true) return body
    const answer = parseEnrolAnswer(body)
    return Buffer.from(encodeEnrolAnswer({ ...answer, mqtt: { ...answer.mqtt, url: NOBODY } }))
  }

  private pass(request: IncomingMessage, body: Buffer) {
    const { host: _host, connection: _connection, ...headers } = request.headers
    return new Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>((resolve, reject) => {
      const passed = send(`${this.target}${request.url}`, { method: request.method ?? 'GET', headers }, (answer) => {
        const { connection: _own, 'transfer-encoding': _coding, ...received } = answer.headers
        collect(answer).then(
          (bytes) => resolve({ status: answer.statusCode ?? 502, headers: received, body: bytes }),
          reject,
        )
      })
      passed.once('error', reject)
      passed.end(body)
    })
  }
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
