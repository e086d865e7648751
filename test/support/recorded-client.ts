import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DdiAnswer, DdiClient } from './ddi-client.js'

/** One request as a client sent it. `{action}` and `{file}` stand for what the server named. */
export interface RecordedRequest {
  readonly name: string
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

/**
 * Requests of a client that is not in Debian, written down from its source: method, address, headers and body in the order that it
 * sends them.
 */
export class RecordedClient {
  private readonly requests: ReadonlyMap<string, RecordedRequest>

  constructor(file: string) {
    const path = join(import.meta.dirname, '../clients/recorded', file)
    const requests = JSON.parse(readFileSync(path, 'utf8')) as readonly RecordedRequest[]
    this.requests = new Map(requests.map((each) => [each.name, each]))
  }

  get names(): readonly string[] {
    return [...this.requests.keys()]
  }

  /** Sends what was recorded under that name, with `values` in the places that are named after them. */
  send(client: DdiClient, name: string, values: Readonly<Record<string, string>> = {}): Promise<DdiAnswer> {
    const request = this.requests.get(name)
    if (request === undefined) throw new Error(`nothing is recorded as ${name}`)
    const fill = (text: string): string => text.replaceAll(/\{(\w+)\}/g, (_, word: string) => values[word] ?? '')
    const body = request.body === null ? undefined : fill(request.body)
    return client.send(request.method, fill(request.path), body, request.headers)
  }
}
