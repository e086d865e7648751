import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { parseEnrolment } from '../../src/domain/trust/enrolment.js'
import { MAX_DOCUMENT_BYTES } from '../../src/domain/trust/labels.js'
import { parseReport, type Report } from '../../src/domain/trust/report.js'
import { requireAttached } from '../../src/domain/trust/signed-document.js'
import type { CoseKey } from '../../src/domain/cose/cose-key.js'
import { findHex, toHex } from '../../src/domain/bytes.js'
import {
  encodeEnrolAnswer,
  encodeReportAnswer,
  encodeUpdateAnswer,
  type EnrolAnswer,
  type ReportAck,
  type UpdateAnswer,
} from '../../src/protocol/device-http.js'
import { encodeWireMap } from '../../src/protocol/wire-cbor.js'

/** The device calls of one namespace, in process, saying whatever a test puts into it. It still verifies reports. */
export class LyingServer {
  /** What the next poll is told; the lie of the test. */
  answer: UpdateAnswer = {}
  /** In its place, where several devices poll. */
  answerFor: ((deviceId: string) => Promise<UpdateAnswer>) | null = null
  /** In place of any answer to a poll: bytes that are none. */
  rawAnswer: Uint8Array | null = null
  /** A poll waits so long for its answer. */
  waitMs = 0
  /** Of the newest poll; null when it had none. */
  nonce: Uint8Array | null = null
  etag: string | null = null
  payload: Uint8Array = new Uint8Array(0)
  /** The connection is cut after so many bytes of the payload, once. */
  cutAfterBytes: number | null = null
  /** Bytes come one at a time with this pause; null for at once. */
  dripMs: number | null = null
  ignoresRange = false
  /** Takes requests and answers none. */
  hangs = false
  takesReports = true
  /** Refuses reports, for it holds this one already. */
  oldReport: ReportAck | null = null
  krl: Uint8Array | null = null
  readonly roots = new Map<number, Uint8Array>()
  /** What it says when it has no such document: nothing, or a text without end. */
  refusesWithoutEnd = false
  /** For every root that is asked for and not in `roots`. */
  rootForAll: Uint8Array | null = null
  readonly reports: Report[] = []
  readonly requests: {
    path: string
    query: URLSearchParams
    authorization: string
    range: string
    condition: string
  }[] = []
  mqtt: EnrolAnswer['mqtt'] = { url: 'mqtt://127.0.0.1:9', username: 'nobody', password: 'none' }
  /** A device's thumbprint, unless the server lies about that too. */
  enrolAs: string | null = null
  /** Members that no answer to an enrolment has. */
  enrolMore: Readonly<Record<string, Uint8Array>> | null = null
  readonly deviceKeys = new Map<string, CoseKey>()

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<LyingServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const lying = new LyingServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    server.on('request', (request, response) => void lying.serve(request, response))
    return lying
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }

  /** What devices told about themselves, in order. */
  get states(): string[] {
    return this.reports.map(({ state }) => state)
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '', this.url)
    const path = pathname.split('/').slice(5)
    const { authorization = '', range = '', 'if-none-match': condition = '' } = request.headers
    this.requests.push({ path: path.join('/'), query, authorization, range, condition })
    const body = await readWhole(request)
    if (this.hangs) return
    await this.answerTo(path, body, request, response)
  }

  private async answerTo(
    [first = '', second = '']: readonly string[],
    body: Uint8Array,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { range = '' } = request.headers
    if (first === 'enrol') this.enrol(body, response)
    else if (first === 'payload') await this.sendPayload(range, response)
    else if (second === 'update') await this.update(first, request, response)
    else if (second === 'report') this.report(first, body, response)
    else this.sendDocument(first === 'krl' ? this.krl : this.findRoot(Number(second)), response)
  }

  private findRoot(version: number): Uint8Array | null {
    return this.roots.get(version) ?? this.rootForAll
  }

  private sendDocument(document: Uint8Array | null | undefined, response: ServerResponse): void {
    if (document !== null && document !== undefined) response.end(document)
    else if (this.refusesWithoutEnd) withoutEnd().pipe(response.writeHead(404))
    else response.writeHead(404).end()
  }

  private enrol(body: Uint8Array, response: ServerResponse): void {
    const parsed = parseSign1(body, MAX_DOCUMENT_BYTES)
    const { key } = parseEnrolment(parsed.payload ?? new Uint8Array(0))
    requireAttached(nativeAlgorithms, { key, alg: parsed.alg }, parsed, 'enrolment')
    this.deviceKeys.set(toHex(parsed.keyId ?? new Uint8Array(0)), key)
    const deviceId = this.enrolAs ?? toHex(parsed.keyId ?? new Uint8Array(0))
    const answer: EnrolAnswer = { deviceId, credential: 'secret-of-the-device', mqtt: this.mqtt }
    const more = this.enrolMore
    response.end(
      more === null ? encodeEnrolAnswer(answer) : encodeWireMap({ ...answer, mqtt: { ...this.mqtt }, ...more }),
    )
  }

  private async update(deviceId: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.etag !== null && request.headers['if-none-match'] === this.etag) {
      response.writeHead(304).end()
      return
    }
    this.nonce = findHex(new URL(request.url ?? '', this.url).searchParams.get('nonce') ?? '')
    if (this.waitMs > 0) await new Promise((resolve) => setTimeout(resolve, this.waitMs))
    if (response.destroyed) return
    response.setHeader('content-type', 'application/cbor')
    if (this.etag !== null) response.setHeader('etag', this.etag)
    response.end(this.rawAnswer ?? encodeUpdateAnswer((await this.answerFor?.(deviceId)) ?? this.answer))
  }

  private report(deviceId: string, body: Uint8Array, response: ServerResponse): void {
    if (!this.takesReports) {
      response.writeHead(503).end()
      return
    }
    if (this.oldReport !== null) {
      response.writeHead(409).end(JSON.stringify({ code: 'REPORT_OLD', detail: this.oldReport }))
      return
    }
    response.end(encodeReportAnswer(this.take(deviceId, body)))
  }

  /** Verifies and keeps a report, whichever way it came. */
  take(deviceId: string, body: Uint8Array): ReportAck {
    const key = this.deviceKeys.get(deviceId)
    if (key === undefined) throw new Error('that device has not enrolled')
    const parsed = parseSign1(body, MAX_DOCUMENT_BYTES)
    const report = parseReport(requireAttached(nativeAlgorithms, { key, alg: parsed.alg }, parsed, 'report'))
    const newest = this.reports.findLast((known) => known.deviceId === deviceId)
    if (newest === undefined || report.counter > newest.counter) this.reports.push(report)
    return { epoch: report.epoch, counter: report.counter }
  }

  private async sendPayload(range: string, response: ServerResponse): Promise<void> {
    const from = this.ignoresRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0)
    const rest = this.payload.subarray(from)
    const isPart = range !== '' && !this.ignoresRange
    response.writeHead(isPart ? 206 : 200, {
      'content-length': String(rest.length),
      ...(isPart ? { 'content-range': `bytes ${from}-${this.payload.length - 1}/${this.payload.length}` } : {}),
    })
    if (this.cutAfterBytes !== null) {
      response.write(rest.subarray(0, this.cutAfterBytes), () => response.destroy())
      this.cutAfterBytes = null
      return
    }
    if (this.dripMs === null) {
      response.end(rest)
      return
    }
    for (const byte of rest) {
      if (response.destroyed) return
      response.write(Uint8Array.of(byte))
      await new Promise((resolve) => setTimeout(resolve, this.dripMs ?? 0))
    }
    response.end()
  }
}

function withoutEnd(): Readable {
  const piece = new Uint8Array(1_024)
  return new Readable({
    read() {
      setTimeout(() => this.push(piece), 5)
    },
  })
}

async function readWhole(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return new Uint8Array(Buffer.concat(chunks))
}
