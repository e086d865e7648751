import { fromHex } from '../domain/bytes.js'
import { parseSign1 } from '../domain/cose/sign1.js'
import { Refusal } from '../domain/refusal.js'
import { keyIdHexOf } from '../domain/cose/cose-key.js'
import { parseKrl, type Krl, type RevokedKey, type RevokedManifest } from '../domain/trust/krl.js'
import { MAX_KRL_BYTES } from '../domain/trust/labels.js'
import type { HeldTrust } from './trust-store.js'

const DAY_SECONDS = 86_400
const NEXT_UPDATE_SECONDS = 30 * DAY_SECONDS
const HARD_EXPIRY_SECONDS = 90 * DAY_SECONDS

/** What a new list adds to the one before. */
export interface KrlAddition {
  readonly keys?: readonly RevokedKey[]
  readonly manifests?: readonly RevokedManifest[]
  /** Sequence floors by class id; one that is held and higher stays. */
  readonly floors?: ReadonlyMap<string, number>
}

/** The newest list as it was signed and verified here; null before the first. */
export function findNewestKrl(held: HeldTrust): Krl | null {
  if (held.krlBytes === null) return null
  const { payload } = parseSign1(held.krlBytes, MAX_KRL_BYTES)
  return payload === null ? null : parseKrl(payload)
}

/**
 * The list after the one held: number one higher, everything held repeated, the addition behind it.
 * Without a held one it is the first of this epoch.
 */
export function nextKrl(held: HeldTrust, addition: KrlAddition, now: number): Krl {
  const { root, krl } = held.state
  const longest = Math.min(HARD_EXPIRY_SECONDS, root.longestKrlLifeSeconds)
  const dates = { issued: now, nextUpdate: now + Math.min(NEXT_UPDATE_SECONDS, longest), hardExpiry: now + longest }
  const common = { namespace: root.namespace, epoch: root.epoch, ...dates }
  const { keys = [], manifests = [], floors = new Map() } = addition
  const before = findNewestKrl(held)
  if (krl === null || before === null) {
    const number = Math.max(root.leastKrlNumber, 1)
    const nothingBefore = { leastRootVersion: root.version, previousSha256: new Uint8Array(32) }
    return { ...common, ...nothingBefore, number, keys, manifests, floors }
  }
  const withdrawn = [...krl.manifests].map(([digest, reason]) => ({ digest, reason }))
  return {
    ...common,
    number: Math.max(krl.number + 1, root.leastKrlNumber),
    leastRootVersion: before.leastRootVersion,
    floors: raise(krl.floors, floors),
    previousSha256: fromHex(krl.sha256),
    keys: unite([before.keys, missingKeys(held, before, now), keys], (row) => row.keyId),
    manifests: unite([before.manifests, withdrawn, manifests], (row) => row.digest),
  }
}

function raise(held: ReadonlyMap<string, number>, added: ReadonlyMap<string, number>): Map<string, number> {
  const floors = new Map(held)
  for (const [classId, floor] of added) floors.set(classId, Math.max(floor, held.get(classId) ?? 0))
  return floors
}

/** Entries of earlier lists of this epoch, should the newest have left one out: nothing is un-revoked. */
const missingKeys = (held: HeldTrust, before: Krl, now: number): RevokedKey[] =>
  [...(held.state.krl?.keys ?? [])]
    .filter(([keyId]) => !before.keys.some((row) => row.keyId === keyId))
    .map(([keyId, reason]) => ({ keyId, reason, time: now }))

/** All rows in order, of those with one name the first: what was said once keeps its reason and time. */
function unite<T>(lists: readonly (readonly T[])[], nameOf: (row: T) => string): T[] {
  const rows = new Map<string, T>()
  for (const row of lists.flat()) if (!rows.has(nameOf(row))) rows.set(nameOf(row), row)
  return [...rows.values()]
}

/**
 * The key a person means, by its id or the beginning of it, and whose it is.
 * @param by the role of the key that will sign the list.
 * @throws Refusal `NOT_FOUND` for none, `CONFLICT` for several, `KRL_ENTRY_FORBIDDEN` for root and emergency keys and, as
 *   only an emergency list does that, for krl keys.
 */
export function requireRevocableKey(
  held: HeldTrust,
  text: string,
  by: 'krl' | 'emergency-krl' = 'krl',
): { keyId: string; owner: string } {
  const found = [...ownersOf(held)].filter(([keyId]) => keyId.startsWith(text.toLowerCase()))
  const [first] = found
  if (first === undefined || text.length < 8) throw new Refusal('NOT_FOUND', { what: 'key', id: text })
  if (found.length > 1) throw new Refusal('CONFLICT', { what: 'key', why: `${found.length} keys begin like that` })
  const [keyId, owner] = first
  const spared = by === 'krl' ? ['root', 'emergency-krl', 'krl'] : ['root', 'emergency-krl']
  if (spared.includes(owner)) throw new Refusal('KRL_ENTRY_FORBIDDEN', { keyId })
  return { keyId, owner }
}

/** Role or person by key id: every key that the held root and policy name. */
function ownersOf(held: HeldTrust): Map<string, string> {
  const owners = new Map<string, string>()
  for (const [role, row] of held.state.root.roles) for (const keyId of row.keyIds) owners.set(keyId, role)
  for (const person of held.policy?.persons.values() ?? [])
    for (const key of person.keys) owners.set(keyIdHexOf(key), person.name)
  return owners
}

export const ownerText = (held: HeldTrust, keyId: string): string =>
  ownersOf(held).get(keyId) ?? 'a key no longer listed'
