import type { NestFastifyApplication } from '@nestjs/platform-fastify'

export interface DdiAnswer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
  /** The body as JSON. */
  json<T = DdiPoll>(): T
}
export interface DdiPoll {
  readonly config: { readonly polling: { readonly sleep: string } }
  readonly _links?: Readonly<Record<string, { readonly href: string }>>
}
export interface DdiDeployment {
  readonly id: string
  readonly deployment: {
    readonly download: string
    readonly update: string
    readonly maintenanceWindow?: string
    readonly chunks: readonly {
      readonly part: string
      readonly version: string
      readonly name: string
      readonly artifacts: readonly {
        readonly filename: string
        readonly hashes: { readonly sha1: string; readonly md5: string; readonly sha256: string }
        readonly size: number
        readonly _links: Readonly<Record<string, { readonly href: string }>>
      }[]
    }[]
  }
  readonly actionHistory?: { readonly status: string; readonly messages: readonly string[] }
}

/** A DDI client as a test speaks for it: the requests, and nothing of what a real one would do between them. */
export class DdiClient {
  constructor(
    private readonly app: () => NestFastifyApplication,
    /** Device id. */
    readonly id: string,
    readonly controllerId: string,
    public authorization: string,
    readonly tenant: string,
  ) {}

  get base(): string {
    return `/${this.tenant}/controller/v1/${encodeURIComponent(this.controllerId)}`
  }

  get(path = '', headers: Readonly<Record<string, string>> = {}): Promise<DdiAnswer> {
    return this.send('GET', path, undefined, headers)
  }

  /** @param path below the client's own address, or an absolute link. */
  async send(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: string | Buffer,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<DdiAnswer> {
    const url = path.startsWith('http') ? path.replace(/^https?:\/\/[^/]+/, '') : `${this.base}${path}`
    const answer = await this.app().inject({
      method,
      url,
      headers: {
        host: 'updates.example:8080',
        ...(this.authorization === '' ? {} : { authorization: this.authorization }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: body }),
    })
    const text = answer.rawPayload.toString('latin1')
    return {
      status: answer.statusCode,
      body: text,
      headers: answer.headers,
      json: <T>() => JSON.parse(answer.rawPayload.toString()) as T,
    }
  }

  /** Names of the links of a poll, sorted. */
  async links(): Promise<readonly string[]> {
    return Object.keys((await this.get()).json()._links ?? {}).toSorted()
  }

  async link(name: string): Promise<string> {
    const { _links: links } = (await this.get()).json()
    const href = links?.[name]?.href
    if (href === undefined) throw new Error(`no link ${name} in ${JSON.stringify(links)}`)
    return href
  }

  /** Follows the poll to its deployment. */
  async deployment(query = ''): Promise<DdiDeployment> {
    const link = await this.link('deploymentBase')
    return (await this.get(query === '' ? link : `${link}&${query}`)).json<DdiDeployment>()
  }

  configData(data: object, mode?: string): Promise<DdiAnswer> {
    return this.send('PUT', '/configData', JSON.stringify(mode === undefined ? { data } : { mode, data }))
  }

  feedback(
    action: string,
    execution: string,
    finished = 'none',
    more: object = {},
    kind = 'deploymentBase',
  ): Promise<DdiAnswer> {
    const body = { id: action, status: { execution, result: { finished }, ...more } }
    return this.send('POST', `/${kind}/${action}/feedback`, JSON.stringify(body))
  }
}
