import { sha256, equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { Krl } from '../../domain/trust/krl.js'
import { MAX_KRL_ENTRIES, requireAllowedEntries, requireForRoot } from '../../domain/trust/take-krl.js'
import type { HeldTrust } from '../../domain/signer-journal/held-trust.js'

/** Clocks of the one who wrote the KRL and of this signer may differ by that much. */
const CLOCK_DIFFERENCE_SECONDS = 300

/** What a new KRL is held against. */
export interface KrlGround {
  readonly held: HeldTrust
  /** Highest signed sequence by class id. */
  readonly sequences: ReadonlyMap<string, number>
  /** The key that would sign, 64 hex digits. */
  readonly keyId: string
  readonly now: number
}

/**
 * Check 9 of a KRL: a number above every KRL held, everything held repeated, floors not above what was signed, a life that the
 * root allows, and nothing in it that a krl key may not revoke.
 * @throws Refusal `WRONG_NAMESPACE`, `KRL_*`; `KRL_CONTENT` names the member.
 */
export function requireKrlContent(krl: Krl, ground: KrlGround): void {
  const { state, krlBytes } = ground.held
  const { krl: held } = state
  requireForRoot(state, krl)
  if (held !== null && krl.number <= held.number)
    throw new Refusal('KRL_OLD', { held: held.number, offered: krl.number })
  requireAllowedEntries(state, krl, ground.keyId)
  requireLife(krl, ground)
  requireListed(
    'keys',
    krl.keys.map(({ keyId }) => keyId),
    held?.keys,
  )
  requireListed(
    'manifests',
    krl.manifests.map(({ digest }) => digest),
    held?.manifests,
  )
  requireFloors(krl, ground)
  const previous = krlBytes === null ? new Uint8Array(32) : sha256(krlBytes)
  must('previousSha256', equalBytes(krl.previousSha256, previous), 'not the hash of the KRL before')
  if (krl.keys.length + krl.manifests.length + krl.floors.size > MAX_KRL_ENTRIES)
    throw new Refusal('KRL_CAP', { limit: MAX_KRL_ENTRIES })
}

function must(field: string, isRight: boolean, why: string): void {
  if (!isRight) throw new Refusal('KRL_CONTENT', { field, why })
}

function requireLife({ issued, nextUpdate, hardExpiry }: Krl, { held, now }: KrlGround): void {
  const { longestKrlLifeSeconds } = held.state.root
  must('issued', issued <= now + CLOCK_DIFFERENCE_SECONDS, 'lies in the future')
  must('nextUpdate', issued < nextUpdate && nextUpdate <= hardExpiry, 'not between issued and hard expiry')
  must('hardExpiry', hardExpiry <= issued + longestKrlLifeSeconds, 'later than the root allows')
}

/** Each once, and all that were held before. */
function requireListed(
  field: 'keys' | 'manifests',
  listed: readonly string[],
  held: ReadonlyMap<string, number> = new Map(),
): void {
  const names = new Set(listed)
  must(field, names.size === listed.length, 'an entry is listed twice')
  must(
    field,
    [...held.keys()].every((name) => names.has(name)),
    'an entry held before is missing',
  )
}

/** None lower than before, and none above what this signer signed: that would lock every device out. */
function requireFloors({ floors }: Krl, { held, sequences }: KrlGround): void {
  const before = held.state.krl?.floors ?? new Map<string, number>()
  for (const [classId, floor] of before)
    must('floors', (floors.get(classId) ?? 0) >= floor, 'lower than one held before')
  for (const [classId, floor] of floors) {
    const highest = Math.max(before.get(classId) ?? 0, sequences.get(classId) ?? 0)
    must('floors', floor <= highest, 'above what was signed')
  }
}

/** Only number, dates and previous hash differ from the KRL held: one person may renew it. */
export function isRenewal(krl: Krl, { state }: HeldTrust): boolean {
  const held = state.krl
  if (held === null) return false
  return (
    krl.keys.length === held.keys.size &&
    krl.manifests.length === held.manifests.size &&
    krl.floors.size === held.floors.size &&
    krl.keys.every(({ keyId, reason }) => held.keys.get(keyId) === reason) &&
    krl.manifests.every(({ digest, reason }) => held.manifests.get(digest) === reason) &&
    [...krl.floors].every(([classId, floor]) => held.floors.get(classId) === floor)
  )
}
