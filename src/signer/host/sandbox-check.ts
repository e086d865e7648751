import { readFileSync } from 'node:fs'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from './errno.js'

/** Where the kernel tells this process what it could reach, and whether its memory may be written to a file. */
export interface ProcessView {
  read(path: string): string
}

export const ownProcess: ProcessView = { read: (path) => readFileSync(path, 'utf8') }

const routeTables = ['/proc/self/net/route', '/proc/self/net/ipv6_route'] as const

/**
 * Refuses to go on when a network is in reach. A look at the routes cannot make a sandbox, but it notices a missing one.
 * @throws Refusal `SANDBOX_UNAVAILABLE` naming the interface, or the table that cannot be read.
 */
export function requireNoNetwork(view: ProcessView): void {
  for (const table of routeTables) {
    const outside = interfacesOf(table, readOrRefuse(view, table)).find((name) => name !== 'lo')
    if (outside !== undefined)
      throw new Refusal('SANDBOX_UNAVAILABLE', {
        why: `there is a route by ${outside}; start the signer in its sandbox`,
      })
  }
}

/** A core dump would carry the PIN and what the token library keeps in memory. */
export const isCoreDumpOff = (view: ProcessView): boolean =>
  /^Max core file size\s+0\s/m.test(readOrRefuse(view, '/proc/self/limits'))

/** IPv4 names the interface first, under a heading; IPv6 last, without one. */
function interfacesOf(table: string, text: string): string[] {
  const rows = text.split('\n').filter((row) => row.trim() !== '')
  if (table.endsWith('ipv6_route')) return rows.map((row) => row.trim().split(/\s+/).at(-1) ?? '')
  return rows.slice(1).map((row) => row.trim().split(/\s+/)[0] ?? '')
}

function readOrRefuse(view: ProcessView, path: string): string {
  try {
    return view.read(path)
  } catch (error) {
    // A kernel without IPv6 has no table of it; without /proc nothing can be decided.
    if (path.endsWith('ipv6_route') && errnoOf(error) === 'ENOENT') return ''
    throw new Refusal('SANDBOX_UNAVAILABLE', { why: `${path} cannot be read` }, { cause: error })
  }
}
