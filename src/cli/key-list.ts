import { dueDates, type Due } from '../domain/trust/falling-due.js'
import { keyStandings, type KeyStanding } from '../domain/trust/key-standing.js'
import { durationText, timeText } from './quantity-text.js'
import type { Output } from './terminal.js'
import type { HeldTrust } from './trust-store.js'

/** A key, and the notice of its role. */
type ListedKey = KeyStanding & Pick<Due, 'notice'>

/** Keys as root, policy and KRL that were verified here say; the server is asked for nothing else. */
export function listKeys(held: HeldTrust, now: number): readonly ListedKey[] {
  const due = dueDates(held.state, held.policy, now)
  return keyStandings(held.state, held.policy?.owners, now).map((key) => ({
    ...key,
    notice: due.find(({ what }) => what === `role ${key.role}`)?.notice ?? null,
  }))
}

/** What has to be renewed within 30 days, the most pressing first. */
export const findDue = (held: HeldTrust, now: number): readonly Due[] =>
  dueDates(held.state, held.policy, now)
    .filter(({ notice }) => notice !== null)
    .toSorted((a, b) => a.at - b.at)

/** In red what cannot sign any more, and what has to be renewed. */
export function printKeys(output: Output, keys: readonly ListedKey[]): void {
  for (const key of keys) {
    const life = `${timeText(key.notBefore)} to ${timeText(key.notAfter)}`
    const line = `${key.keyId}  ${key.role.padEnd(13)}  ${key.state.padEnd(8)}  ${life}  ${ownerText(key)}`.trimEnd()
    const isRed = key.notice !== null || key.state === 'revoked' || key.state === 'expired'
    if (isRed) output.alarm(line)
    else output.line(line)
  }
}

const ownerText = ({ owner, deputy }: KeyStanding): string =>
  owner === undefined ? '' : `owner ${owner}, deputy ${deputy ?? 'none'}`

export function printDue(output: Output, rows: readonly Due[], now: number): void {
  for (const { what, at, ends, notice } of rows) {
    if (ends === 0) {
      output.alarm(`DUE: ${what} has too few keys left: the others are revoked`)
      output.line(`  next: ${renewalOf(what)}`)
      continue
    }
    const when = at > now ? `is due in ${durationText(at - now)}` : `was due ${durationText(now - at)} ago`
    const end = ends > now ? `it ends ${timeText(ends)}` : `it ended ${timeText(ends)}`
    output.alarm(`DUE: ${what} ${when} (${timeText(at)}); ${end}${notice === 7 ? '' : ` (notice of ${notice} days)`}`)
    output.line(`  next: ${renewalOf(what)}`)
  }
}

/** What renews it. */
function renewalOf(what: string): string {
  if (what === 'revocation list') return 'countersign keys renew --key FILE'
  if (what === 'policy' || what.startsWith('person '))
    return 'countersign ceremony policy spec policy.cbor > next.json, then propose, sign, assemble and trust push --policy'
  return 'countersign ceremony root spec root.cbor > next.json, then propose, sign, assemble and trust push --root'
}
