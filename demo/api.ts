import { readFileSync } from 'node:fs'
import type { Person } from './person.js'
import { product } from './product.js'

/** The HTTP API as one person's token opens it, for what the story watches many times a second. */
export class Api {
  constructor(
    private readonly url: string,
    private readonly person: Person,
    private readonly namespace = product.namespace,
  ) {}

  async get<T>(path: string): Promise<T> {
    const token = readFileSync(`${this.person.home}/token`, 'utf8').trim()
    const response = await fetch(`${this.url}/api/v1/${this.namespace}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    })
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
}
