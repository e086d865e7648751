import { Agent, type IncomingMessage } from 'node:http'
import { toHex } from '../src/domain/bytes.js'
import { MAX_DOCUMENT_BYTES, MAX_KRL_BYTES } from '../src/domain/trust/labels.js'
import {
  CBOR_MEDIA_TYPE,
  CLAIM_SCHEME,
  DEVICE_SCHEME,
  parseCertificateAnswer,
  parseEnrolAnswer,
  parseNonceAnswer,
  parseReportAnswer,
  parseUpdateAnswer,
  type CertificateAnswer,
  type EnrolAnswer,
  type NonceAnswer,
  type ReportAck,
} from '../src/protocol/device-http.js'
import { DeviceServer, Unreachable, type PayloadSink, type Poll, type PollAnswer } from './device-server.port.js'
import { defaultHttpLimits, drain, exchange, readBody, type Exchange, type HttpLimits } from './http-exchange.js'

const MAX_REDIRECTS = 3
const MAX_POLL_BYTES = 4 * 1024 * 1024
const SMALL_ANSWER_BYTES = 4_096

export interface HttpTransportOptions {
  readonly serverUrl: string
  readonly namespace: string
  /** Shared by the devices of a fleet, so that their number does not become a number of sockets. */
  readonly agent?: Agent
  readonly limits?: Partial<HttpLimits>
  /** Authorities of the server's own certificate, PEM; the system's when there are none. */
  readonly tlsCa?: string
}

/** The device calls over HTTP, docs/formats/device-http.md. One per device: it carries that device's credential. */
export class HttpTransport extends DeviceServer {
  private readonly base: URL
  private readonly agent: Agent
  private readonly limits: HttpLimits
  private credential: string | null = null
  private identity: () => { readonly cert: string; readonly key: string } | null = () => null
  private identityRefused: () => void = () => undefined
  private readonly tlsCa: string | undefined

  constructor({ serverUrl, namespace, agent, limits, tlsCa }: HttpTransportOptions) {
    super()
    this.tlsCa = tlsCa
    this.base = new URL(`/device/v1/${namespace}/`, serverUrl)
    this.agent = agent ?? new Agent({ keepAlive: true, maxSockets: 4 })
    this.limits = { ...defaultHttpLimits, ...limits }
  }

  override useCredential(credential: string | null): void {
    this.credential = credential
  }

  override useIdentity(
    identity: () => { readonly cert: string; readonly key: string } | null,
    refused: () => void,
  ): void {
    this.identity = identity
    this.identityRefused = refused
  }

  override async certify(deviceId: string, request: Uint8Array): Promise<CertificateAnswer> {
    const { status, body } = await this.post(`${deviceId}/certificate`, request)
    return parseCertificateAnswer(requireDone(status, body))
  }

  override async enrol(enrolment: Uint8Array, claimToken: string | null): Promise<EnrolAnswer> {
    const claim = claimToken === null ? {} : { authorization: `${CLAIM_SCHEME} ${claimToken}` }
    const { status, body } = await this.send('enrol', enrolment, claim)
    return parseEnrolAnswer(requireDone(status, body))
  }

  override async poll(deviceId: string, { rootVersion, krlNumber, nonce, etag }: Poll): Promise<PollAnswer> {
    const url = new URL(`${deviceId}/update`, this.base)
    url.searchParams.set('root', String(rootVersion))
    url.searchParams.set('krl', String(krlNumber))
    if (nonce !== null) url.searchParams.set('nonce', toHex(nonce))
    const answer = await this.get(url, etag === null ? {} : { 'if-none-match': etag })
    if (answer.statusCode === 304) {
      answer.resume()
      return { isChanged: false }
    }
    const bytes = await this.body(requireStatus(answer, 200), MAX_POLL_BYTES)
    return { isChanged: true, answer: parseUpdateAnswer(bytes), etag: answer.headers.etag ?? null }
  }

  override findRoot(version: number): Promise<Uint8Array | null> {
    return this.findDocument(`root/${version}`, MAX_DOCUMENT_BYTES)
  }

  override findKrl(): Promise<Uint8Array | null> {
    return this.findDocument('krl', MAX_KRL_BYTES)
  }

  override async report(deviceId: string, report: Uint8Array): Promise<ReportAck | null> {
    const { status, body } = await this.post(`${deviceId}/report`, report)
    const problem = status === 409 ? findProblem(body) : null
    if (problem?.code === 'REPORT_EPOCH') return null
    // The broker brought it already, or it speaks of a rollout that is gone: what the server holds is said in the refusal.
    const isHeld = problem?.code === 'REPORT_OLD' || problem?.code === 'REPORT_ROLLOUT'
    const held = isHeld ? findHeldReport(problem.detail) : null
    return held ?? parseReportAnswer(requireDone(status, body))
  }

  override async askNonce(deviceId: string, epoch: number): Promise<NonceAnswer> {
    const path = `${deviceId}/nonce?epoch=${epoch}`
    const { status, body } = await this.post(path, new Uint8Array(0))
    return parseNonceAnswer(requireDone(status, body))
  }

  override async beginEpoch(deviceId: string, document: Uint8Array): Promise<void> {
    const { status, body } = await this.post(`${deviceId}/epoch`, document)
    requireDone(status, body)
  }

  override async changeKey(deviceId: string, document: Uint8Array): Promise<void> {
    const { status, body } = await this.post(`${deviceId}/key`, document)
    requireDone(status, body)
  }

  override async fetchPayload(base: string, uri: string, offset: number, sink: PayloadSink): Promise<void> {
    const url = addressOf(uri, addressOf(base, this.base))
    const answer = await this.get(url, offset === 0 ? {} : { range: `bytes=${offset}-` })
    // A server that ignores the range sends everything: the beginning, which is stored, is passed over.
    let passedOver = offset > 0 && isPartFrom(answer, offset) ? 0 : offset
    if (offset === 0 || passedOver > 0) requireStatus(answer, 200)
    await drain(answer, this.limits, async (piece) => {
      const skipped = Math.min(passedOver, piece.length)
      passedOver -= skipped
      if (skipped < piece.length) await sink(piece.subarray(skipped))
    })
  }

  private async findDocument(path: string, maxBytes: number): Promise<Uint8Array | null> {
    const answer = await this.get(new URL(path, this.base), {})
    if (answer.statusCode === 404) {
      dropBody(answer)
      return null
    }
    return this.body(requireStatus(answer, 200), maxBytes)
  }

  private post(path: string, body: Uint8Array): Promise<Posted> {
    return this.authentic(
      (authorization) => this.send(path, body, authorization),
      ({ status }) => status,
    )
  }

  private async send(path: string, body: Uint8Array, authorization: Authorization): Promise<Posted> {
    const answer = await exchange(new URL(path, this.base), {
      method: 'POST',
      headers: { ...authorization, 'content-type': CBOR_MEDIA_TYPE, accept: CBOR_MEDIA_TYPE },
      body,
      tls: this.tls(this.base),
      agent: this.agent,
      limits: this.limits,
    })
    return { status: answer.statusCode ?? 0, body: await this.body(answer, SMALL_ANSWER_BYTES) }
  }

  /**
   * A server that does not take the certificate is asked once more with the credential: the authority that signed it may have been
   * taken out of the root, and without another certificate the device would be shut out until this one ends.
   */
  private async authentic<T>(
    ask: (authorization: Authorization) => Promise<T>,
    statusOf: (answer: T) => number | undefined,
  ): Promise<T> {
    const authorization = this.authorization()
    const answer = await ask(authorization)
    if (statusOf(answer) !== 401 || authorization.authorization !== undefined || this.credential === null) return answer
    this.identityRefused()
    return ask(this.authorization())
  }

  private get(target: URL, headers: Record<string, string>): Promise<IncomingMessage> {
    return this.authentic(
      (authorization) => this.follow(target, headers, authorization),
      ({ statusCode }) => statusCode,
    )
  }

  private async follow(
    target: URL,
    headers: Record<string, string>,
    authorization: Authorization,
  ): Promise<IncomingMessage> {
    let url = target
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Unreachable(`scheme ${url.protocol}`)
      // The credential is for the server it came from: an address in an answer cannot make the device give it away.
      const own = url.origin === this.base.origin ? authorization : {}
      const answer = await exchange(url, {
        method: 'GET',
        headers: { ...headers, ...own },
        agent: this.agent,
        limits: this.limits,
        tls: this.tls(url),
      })
      const next = answer.headers.location
      if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0) || next === undefined) return answer
      dropBody(answer)
      url = addressOf(next, url)
    }
    throw new Unreachable('too many redirects')
  }

  private authorization(): Authorization {
    // Whoever shows a certificate needs no credential.
    if (this.base.protocol === 'https:' && this.identity() !== null) return {}
    return this.credential === null ? {} : { authorization: `${DEVICE_SCHEME} ${this.credential}` }
  }

  /** The certificate, too, is for the server it came from. */
  private tls(url: URL): NonNullable<Exchange['tls']> {
    const identity = url.origin === this.base.origin ? this.identity() : null
    return {
      ...(this.tlsCa === undefined ? {} : { ca: this.tlsCa }),
      ...(identity === null ? {} : { cert: identity.cert, key: identity.key }),
    }
  }

  private body(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
    return readBody(answer, this.limits, maxBytes)
  }
}

/** An address that a server names. @throws Unreachable when it is none. */
function addressOf(address: string, base: URL): URL {
  if (!URL.canParse(address, base.href)) throw new Unreachable('an address that is none')
  return new URL(address, base)
}

const isPartFrom = (answer: IncomingMessage, offset: number): boolean =>
  answer.statusCode === 206 && answer.headers['content-range']?.startsWith(`bytes ${offset}-`) === true

interface Authorization {
  readonly authorization?: string
}
interface Posted {
  readonly status: number
  readonly body: Uint8Array
}

/** @throws Unreachable with what the server said, which is for people. */
function requireDone(status: number, body: Uint8Array): Uint8Array {
  if (status === 200 || status === 201 || status === 204) return body
  throw new Unreachable(`answered ${status}: ${Buffer.from(body).toString('utf8', 0, 300)}`)
}

/** A refusal of the server; null for an answer that is none of ours. */
function findProblem(body: Uint8Array): { code: unknown; detail: unknown } | null {
  try {
    const problem: unknown = JSON.parse(Buffer.from(body).toString())
    if (typeof problem !== 'object' || problem === null) return null
    return { code: Reflect.get(problem, 'code'), detail: Reflect.get(problem, 'detail') }
  } catch {
    // Not JSON: not an answer of ours.
    return null
  }
}

/** The numbers in such a refusal; null when there are none. */
function findHeldReport(detail: unknown): ReportAck | null {
  const { epoch, counter } = (detail ?? {}) as Partial<ReportAck>
  const isWhole = Number.isSafeInteger(epoch) && Number.isSafeInteger(counter)
  return isWhole ? { epoch: Number(epoch), counter: Number(counter) } : null
}

/** A body that nobody reads may have no end: its connection goes with it, else it would be one less for the next call. */
function dropBody(answer: IncomingMessage): void {
  answer.destroy()
}

function requireStatus(answer: IncomingMessage, status: number): IncomingMessage {
  if (answer.statusCode === status) return answer
  dropBody(answer)
  const failure = new Unreachable(`answered ${answer.statusCode ?? 0}`)
  const seconds = /^\d{1,5}$/.exec(answer.headers['retry-after'] ?? '')?.[0]
  if (seconds !== undefined) failure.retryAfterSeconds = Number(seconds)
  throw failure
}
