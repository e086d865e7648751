import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the server is asked, and what it says. A test puts lies into it. */
export interface CourierCall {
  readonly method: string
  /** Without the namespace: `/releases/1`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly authorization: string
  readonly headers: IncomingMessage['headers']
  readonly body: Uint8Array
}
type Answer = (call: CourierCall) => unknown

/** The HTTP API for people, in process, answering from a table: a courier that nobody has to believe. */
export class CourierServer {
  readonly calls: CourierCall[] = []
  private readonly answers = new Map<string, Answer>()
  private constructor(
    private readonly server: Server,
    readonly url: string,
    private readonly namespace: string,
  ) {}

  static async start(namespace: string): Promise<CourierServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const courier = new CourierServer(server, `http://127.0.0.1:${port}`, namespace)
    server.on('request', (request, response) => void courier.serve(request, response))
    return courier
  }

  /** Answers `GET /releases/1` and the like; bytes go out as they are, a `CourierAnswer` as it says, everything else as JSON. */
  on(call: string, answer: Answer): void {
    this.answers.set(call, answer)
  }

  /** A problem document for a call. */
  refuse(call: string, status: number, code: string, detail: object): void {
    this.answers.set(call, () => new CourierProblem(status, { title: code, status, code, detail }))
  }

  /** JSON bodies that were posted to a path. */
  posted(path: string): Record<string, string>[] {
    return this.calls
      .filter((call) => call.method === 'POST' && call.path === path)
      .map((call) => JSON.parse(Buffer.from(call.body).toString('utf8')) as Record<string, string>)
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = await this.read(request)
    this.calls.push(call)
    const answer = this.answers.get(`${call.method} ${call.path}`)?.(call) ?? notFound
    if (answer instanceof Uint8Array) response.end(answer)
    else if (answer instanceof CourierAnswer) response.writeHead(answer.status, { ...answer.headers }).end()
    else if (answer instanceof CourierProblem) {
      response.writeHead(answer.status, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify(answer.document))
    } else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }

  private async read(request: IncomingMessage): Promise<CourierCall> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { method = '', headers } = request
    const url = new URL(request.url ?? '', this.url)
    return {
      method,
      path: url.pathname.replace(`/api/v1/${this.namespace}`, ''),
      query: url.searchParams,
      authorization: headers.authorization ?? '',
      headers,
      body: new Uint8Array(Buffer.concat(chunks)),
    }
  }
}

/** An answer that says everything in its status and headers. */
export class CourierAnswer {
  constructor(
    readonly status: number,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}
}

class CourierProblem {
  constructor(
    readonly status: number,
    readonly document: object,
  ) {}
}

const notFound = new CourierProblem(404, { code: 'NOT_FOUND' })
