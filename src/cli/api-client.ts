import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import { answerChunks } from './answer-chunks.js'
import type { Login } from './cli-home.js'
import { FileBody, type FilePart } from './file-body.js'

/** A "no" of the server, as its problem document told it (RFC 9457). */
export class ServerRefusal extends Error {
  override readonly name = 'ServerRefusal'
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: unknown,
    readonly title: string,
  ) {
    super(`${code} ${JSON.stringify(detail)}`)
  }
}

const Problem = z.looseObject({
  title: z.string().catch(''),
  code: z.string().catch(''),
  detail: z.unknown().optional(),
})

/** Largest JSON answer that is read: a list of 1,000 releases fits. */
const MAX_ANSWER_BYTES = 67_108_864
const ANSWER_TIMEOUT_MS = 120_000

/** The server's HTTP API for people, of one namespace. It is a courier: what it answers is checked by the callers. */
export class ApiClient {
  private readonly base: string
  constructor(
    private readonly login: Login,
    private readonly token: string | null,
  ) {
    this.base = `${login.server.replace(/\/+$/, '')}/api/v1/${login.namespace}`
  }

  get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.json(path, { method: 'GET' }, schema)
  }

  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    const headers = { 'content-type': 'application/json' }
    return this.json(path, { method: 'POST', headers, body: JSON.stringify(body) }, schema)
  }

  put<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T> {
    const headers = { 'content-type': 'application/json' }
    return this.json(path, { method: 'PUT', headers, body: JSON.stringify(body) }, schema)
  }

  /** Changes something; there is no answer. */
  async patch(path: string, body: unknown): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const response = await this.send(path, { method: 'PATCH', headers, body: JSON.stringify(body) })
    await response.body?.cancel()
  }

  /** A small document as it is. */
  postBytes<T>(path: string, bytes: Uint8Array, schema: z.ZodType<T>): Promise<T> {
    const headers = { 'content-type': 'application/octet-stream' }
    return this.json(path, { method: 'POST', headers, body: Buffer.from(bytes) }, schema)
  }

  async delete(path: string): Promise<void> {
    const response = await this.send(path, { method: 'DELETE' })
    await response.body?.cancel()
  }

  /**
   * Streams a file from `from` to its end as the body. A connection on which nothing moves for a minute counts as cut.
   * @param onBytes how many more went out. @throws Refusal `FILE_UNREADABLE`.
   */
  async sendFile(
    request: { readonly method: string; readonly path: string; readonly headers: Readonly<Record<string, string>> },
    part: FilePart,
    onBytes: (count: number) => void,
  ): Promise<void> {
    const body = new FileBody(part, onBytes)
    const { method, path, headers } = request
    const all = { ...headers, 'content-length': String(part.sizeBytes - part.from) }
    try {
      const init = { method, headers: all, body: body.stream(), duplex: 'half' as const, signal: body.signal }
      const response = await this.send(path, init)
      await response.body?.cancel()
    } catch (error) {
      throw body.failure ?? error
    } finally {
      body.end()
    }
  }

  /** The bytes of a download as they come, at most `limitBytes`. @throws Refusal `PAYLOAD_TOO_LONG`. */
  async *download(path: string, limitBytes: number): AsyncGenerator<Uint8Array> {
    const response = await this.send(path, { method: 'GET' })
    yield* this.read(path, response, limitBytes)
  }

  private async *read(
    path: string,
    response: Response,
    limitBytes: number,
    signal?: AbortSignal | null,
  ): AsyncGenerator<Uint8Array> {
    let count = 0
    try {
      for await (const chunk of answerChunks(response, signal)) {
        count += chunk.length
        if (count > limitBytes) throw new Refusal('PAYLOAD_TOO_LONG', { limitBytes })
        yield chunk
      }
    } catch (error) {
      if (error instanceof Refusal) throw error
      throw new Refusal('SERVER_ANSWER', { path, why: 'the answer broke off' }, { cause: error })
    }
  }

  private async json<T>(path: string, init: RequestInit, schema: z.ZodType<T>): Promise<T> {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
    const response = await this.send(path, { ...init, signal })
    const parsed = schema.safeParse(parseJson(await this.text(path, response, signal)))
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    throw new Refusal('SERVER_ANSWER', { path, why: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` })
  }

  /** One request. @throws ServerRefusal for every status that is no success, Refusal `SERVER_UNREACHABLE`. */
  async send(path: string, init: RequestInit & { duplex?: 'half' }): Promise<Response> {
    const headers = new Headers(init.headers)
    if (!headers.has('accept'))
      headers.set('accept', 'application/json, application/problem+json, application/octet-stream')
    if (this.token !== null) headers.set('authorization', `Bearer ${this.token}`)
    // Never follow a redirect with a token in hand.
    const response = await fetch(`${this.base}${path}`, { ...init, headers, redirect: 'error' }).catch(
      (error: unknown) => {
        throw new Refusal('SERVER_UNREACHABLE', { server: this.login.server, why: reasonOf(error) }, { cause: error })
      },
    )
    if (response.ok) return response
    const problem = Problem.parse(parseJson(await this.text(path, response, init.signal)) ?? {})
    const code = problem.code === '' ? `HTTP_${response.status}` : problem.code
    throw new ServerRefusal(response.status, code, problem.detail, problem.title)
  }

  private async text(path: string, response: Response, signal?: AbortSignal | null): Promise<string> {
    const chunks: Uint8Array[] = []
    for await (const chunk of this.read(path, response, MAX_ANSWER_BYTES, signal)) chunks.push(chunk)
    return Buffer.concat(chunks).toString('utf8')
  }
}

/** @returns undefined for what is no JSON; the schema then says that the answer has the wrong form. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const networkWords = new Map([
  ['ECONNREFUSED', 'connection refused: nothing listens there'],
  ['ENOTFOUND', 'the name is not known'],
  ['ECONNRESET', 'the connection was cut'],
  ['UND_ERR_SOCKET', 'the connection was cut'],
  ['EPIPE', 'the connection was cut'],
  ['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH', 'the file has another size than before'],
])

/** What the network said: fetch hides it in the cause. */
function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: unknown; cause?: unknown }
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time'
  if (typeof cause !== 'object' || cause === null) return 'the request failed'
  const { code, message } = cause as { code?: unknown; message?: unknown }
  if (typeof code === 'string') return networkWords.get(code) ?? code
  return typeof message === 'string' ? message : 'the request failed'
}
