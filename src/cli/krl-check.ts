import { equalBytes, fromHex, sha256, toHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { parseKrl, type Krl } from '../domain/trust/krl.js'
import type { Policy } from '../domain/trust/policy.js'
import type { Operation } from '../domain/trust/roles.js'
import { requireAllowedEntries, requireForRoot } from '../domain/trust/take-krl.js'
import { bytesOf, type KrlRequestAnswer } from './api-answers.js'
import { findNewestKrl, ownerText } from './krl-change.js'
import { durationText, timeText } from './quantity-text.js'
import { reasonText } from './revocation-reason.js'
import type { HeldTrust } from './trust-store.js'

/** A proposed revocation list that a security officer can judge. */
export interface CheckedKrl {
  readonly krl: Krl
  readonly subjectSha256: Uint8Array
  readonly operation: Extract<Operation, 'krl' | 'krl-renew'>
}

const refuse = (field: string, why: string): Refusal => new Refusal('KRL_CONTENT', { field, why })

/** Holds what a server shows against the newest list that was verified here. @throws Refusal `DIGEST_MISMATCH`, those of `checkKrl`. */
export function checkKrlRequest(held: HeldTrust, request: KrlRequestAnswer): CheckedKrl {
  const bytes = bytesOf(request.krl)
  const subject = sha256(bytes)
  if (!equalBytes(subject, fromHex(request.subjectSha256)))
    throw new Refusal('DIGEST_MISMATCH', { what: 'krl', expected: request.subjectSha256, found: toHex(subject) })
  return checkKrl(held, bytes)
}

/**
 * Holds a proposal against the newest list that was verified here. An ordinary krl key will sign it, so what only an emergency
 * list may say is refused.
 * @throws Refusal `WRONG_NAMESPACE`, `KRL_OLD`, `KRL_EPOCH`, `KRL_NEEDS_ROOT`, `KRL_ENTRY_FORBIDDEN`, `KRL_CONTENT` naming the member.
 */
export function checkKrl(held: HeldTrust, payload: Uint8Array): CheckedKrl {
  const krl = parseKrl(payload)
  requireNextKrl(held, krl)
  requireAllowedEntries(held.state, krl, '')
  return { krl, subjectSha256: sha256(payload), operation: isRenewal(held, krl) ? 'krl-renew' : 'krl' }
}

/** What holds for a list whoever signs it: it follows the one that is held, and takes nothing back. */
export function requireNextKrl(held: HeldTrust, krl: Krl): void {
  requireFollows(held, krl)
  requireNothingLost(held, krl)
}

/** Where the policy names no quorum for renewals they need the one of any other list. */
export const quorumOperationOf = (policy: Policy, { operation }: CheckedKrl): CheckedKrl['operation'] =>
  policy.quorums.has(operation) ? operation : 'krl'

function requireFollows(held: HeldTrust, krl: Krl): void {
  const { root, krl: newest } = held.state
  requireForRoot(held.state, krl)
  if (newest !== null && krl.number <= newest.number)
    throw new Refusal('KRL_OLD', { held: newest.number, offered: krl.number })
  if (krl.hardExpiry > krl.issued + root.longestKrlLifeSeconds) throw refuse('hardExpiry', 'later than the root allows')
  const previous = newest?.sha256 ?? '0'.repeat(64)
  if (toHex(krl.previousSha256) !== previous) throw refuse('previousSha256', 'not the hash of the list before')
}

/** Nothing is un-revoked and no floor sinks: every entry of this epoch is repeated. */
function requireNothingLost(held: HeldTrust, krl: Krl): void {
  const newest = held.state.krl
  if (newest === null) return
  requireAll('keys', newest.keys.keys(), new Set(krl.keys.map((row) => row.keyId)))
  requireAll('manifests', newest.manifests.keys(), new Set(krl.manifests.map((row) => row.digest)))
  for (const [classId, floor] of newest.floors)
    if ((krl.floors.get(classId) ?? 0) < floor) throw refuse('floors', `lowers the floor of ${classId}`)
}

function requireAll(field: string, before: Iterable<string>, after: ReadonlySet<string>): void {
  for (const name of before) if (!after.has(name)) throw refuse(field, `leaves out ${name}`)
}

/** Only number, dates and the hash of the list before change. */
function isRenewal(held: HeldTrust, krl: Krl): boolean {
  const newest = findNewestKrl(held)
  if (newest === null) return false
  const same = (what: (each: Krl) => unknown): boolean => JSON.stringify(what(newest)) === JSON.stringify(what(krl))
  return (
    same((each) => each.keys) &&
    same((each) => each.manifests) &&
    same((each) => [...each.floors]) &&
    same((each) => each.leastRootVersion)
  )
}

/** Everything a list says, for those who sign it. */
export const listKrl = (held: HeldTrust, krl: Krl): string[] => [
  `revocation list ${krl.number} of ${krl.namespace}, epoch ${krl.epoch}, needs root ${krl.leastRootVersion}`,
  `issued        ${timeText(krl.issued)}`,
  `next due      ${timeText(krl.nextUpdate)}`,
  `hard expiry   ${timeText(krl.hardExpiry)}`,
  ...krl.keys.map((row) => `key           ${row.keyId} (${ownerText(held, row.keyId)}): ${reasonText(row.reason)}`),
  ...krl.manifests.map((row) => `release       ${row.digest}: ${reasonText(row.reason)}`),
  ...[...krl.floors].map(([classId, floor]) => `floor         class ${classId}: sequence ${floor}`),
]

/** What the proposal changes, one sentence a line. */
export function describeKrl(held: HeldTrust, krl: Krl): string[] {
  const newest = held.state.krl
  const keys = krl.keys.filter((row) => newest?.keys.has(row.keyId) !== true)
  const manifests = krl.manifests.filter((row) => newest?.manifests.has(row.digest) !== true)
  const floors = [...krl.floors].filter(([classId, floor]) => (newest?.floors.get(classId) ?? 0) !== floor)
  const added = [
    ...keys.map((row) => `+ revokes key ${row.keyId} (${ownerText(held, row.keyId)}): ${reasonText(row.reason)}`),
    ...manifests.map((row) => `+ withdraws release ${row.digest}: ${reasonText(row.reason)}`),
    ...floors.map(([classId, floor]) => `+ class ${classId}: nothing below sequence ${floor}`),
  ]
  return [
    `revocation list ${krl.number} of ${krl.namespace}, after ${newest === null ? 'none' : `number ${newest.number}`}`,
    ...(added.length === 0 ? ['nothing is added: this only renews the dates'] : added),
    `${krl.keys.length - keys.length} keys and ${krl.manifests.length - manifests.length} releases stay revoked`,
    `a newer list is due by ${timeText(krl.nextUpdate)}; nothing is installed after ${timeText(krl.hardExpiry)} (${durationText(krl.hardExpiry - krl.issued)})`,
  ]
}
