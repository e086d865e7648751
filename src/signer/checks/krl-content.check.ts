import { sha256, equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { Krl } from '../../domain/trust/krl.js'
import { MAX_KRL_ENTRIES, requireAllowedEntries, requireForRoot } from '../../domain/trust/take-krl.js'
import type { HeldTrust } from '../trust/held-trust.js'

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
  const { state } = ground.held
  const { root, krl: held } = state
  requireForRoot(state, krl)
  if (held !== null && krl.number <= held.number)
    throw new Refusal('KRL_OLD', { held: held.number, offered: krl.number })
  requireAllowedEntries(state, krl, ground.keyId)
  const require = (field: string, isRight: boolean, why: string): void => {
    if (!isRight) throw new Refusal('KRL_CONTENT', { field, why })
  }
  require('issued', krl.issued <= ground.now + CLOCK_DIFFERENCE_SECONDS, 'lies in the future')
  require('nextUpdate', krl.issued < krl.nextUpdate &&
    krl.nextUpdate <= krl.hardExpiry, 'not between issued and hard expiry')
  require('hardExpiry', krl.hardExpiry <= krl.issued + root.longestKrlLifeSeconds, 'later than the root allows')
  const keys = new Set(krl.keys.map(({ keyId }) => keyId))
  const manifests = new Set(krl.manifests.map(({ digest }) => digest))
  require('keys', keys.size === krl.keys.length, 'a key is listed twice')
  require('manifests', manifests.size === krl.manifests.length, 'a manifest is listed twice')
  require('keys', [...(held?.keys.keys() ?? [])].every((keyId) => keys.has(keyId)), 'an entry held before is missing')
  require('manifests', [...(held?.manifests.keys() ?? [])].every((digest) =>
    manifests.has(digest),
  ), 'an entry held before is missing')
  for (const [classId, floor] of held?.floors ?? [])
    require('floors', (krl.floors.get(classId) ?? 0) >= floor, 'lower than one held before')
  for (const [classId, floor] of krl.floors) {
    const before = held?.floors.get(classId) ?? 0
    require('floors', floor <= Math.max(before, ground.sequences.get(classId) ?? 0), 'above what was signed')
  }
  const previous = ground.held.krlBytes === null ? new Uint8Array(32) : sha256(ground.held.krlBytes)
  require('previousSha256', equalBytes(krl.previousSha256, previous), 'not the hash of the KRL before')
  if (keys.size + manifests.size + krl.floors.size > MAX_KRL_ENTRIES)
    throw new Refusal('KRL_CAP', { limit: MAX_KRL_ENTRIES })
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
