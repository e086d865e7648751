import type { WireMembers } from '../../protocol/wire-cbor.js'
import { sleepText } from '../polling-time.js'

/** What a poll is answered: at most one of the first three, and beside it the others. */
export interface PollLinks {
  readonly deploymentBase?: string
  readonly cancelAction?: string
  readonly confirmationBase?: string
  readonly installedBase?: string
  readonly configData?: string
}

export function pollAnswer(sleepSeconds: number, base: string, links: PollLinks): WireMembers {
  const given = Object.entries(links) as [string, string][]
  return {
    config: { polling: { sleep: sleepText(sleepSeconds) } },
    ...(given.length === 0
      ? {}
      : { _links: Object.fromEntries(given.map(([name, path]) => [name, { href: `${base}/${path}` }])) }),
  }
}
