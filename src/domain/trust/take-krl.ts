import { sha256Hex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { parseKrl, type Krl } from './krl.js'
import { MAX_KRL_BYTES } from './labels.js'
import { openSigned1 } from './signed-document.js'
import { raiseClock, revokedKeysOf, type HeldKrl, type TrustState } from './trust-state.js'

/** Cap on what the union of all KRLs may hold: keys, manifests and floors together. */
export const MAX_KRL_ENTRIES = 16_384

/**
 * Judges a KRL that is offered and unites it with what is held (trust.md §5, steps 6 and 8).
 * The same KRL again changes nothing; an older one is refused, so is another one of the same number.
 * @throws Refusal `KEY_*`, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, `KRL_*`.
 */
export function takeKrl(state: TrustState, bytes: Uint8Array, now: number, algorithms: AlgorithmTable): TrustState {
  const { payload, key } = openSigned1({
    document: 'krl',
    bytes,
    root: state.root,
    roles: ['krl', 'emergency-krl'],
    revoked: revokedKeysOf(state),
    now,
    algorithms,
    maxBytes: MAX_KRL_BYTES,
  })
  const krl = parseKrl(payload)
  requireForRoot(state, krl)
  const sha256 = sha256Hex(bytes)
  const held = state.krl
  if (held !== null && krl.number < held.number)
    throw new Refusal('KRL_OLD', { held: held.number, offered: krl.number })
  if (held !== null && krl.number === held.number) {
    if (held.sha256 !== sha256) throw new Refusal('KRL_EQUIVOCATION', { number: krl.number })
    return state
  }
  requireAllowedEntries(state, krl, key.keyId)
  return raiseClock({ ...state, krl: unite(held, krl, sha256) }, krl.issued)
}

/** Namespace, root version, epoch and least number, as the held root has them. */
export function requireForRoot(state: TrustState, krl: Krl): void {
  const { root } = state
  if (krl.namespace !== root.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: root.namespace, found: krl.namespace })
  if (krl.leastRootVersion > root.version)
    throw new Refusal('KRL_NEEDS_ROOT', { needed: krl.leastRootVersion, held: root.version })
  if (krl.epoch !== root.epoch) throw new Refusal('KRL_EPOCH', { expected: root.epoch, found: krl.epoch })
  if (krl.number < root.leastKrlNumber) throw new Refusal('KRL_OLD', { held: root.leastKrlNumber, offered: krl.number })
}

/** No KRL revokes root or emergency keys; only an emergency KRL revokes a krl key (trust.md §3). */
export function requireAllowedEntries(state: TrustState, krl: Krl, signedBy: string): void {
  const idsOf = (role: 'root' | 'emergency-krl' | 'krl'): readonly string[] => state.root.roles.get(role)?.keyIds ?? []
  const isEmergency = idsOf('emergency-krl').includes(signedBy)
  const spared = new Set([...idsOf('root'), ...idsOf('emergency-krl'), ...(isEmergency ? [] : idsOf('krl'))])
  for (const { keyId } of krl.keys) {
    // What an emergency KRL said about a krl key is repeated by later ordinary KRLs: that revokes nothing new.
    if (spared.has(keyId) && state.krl?.keys.has(keyId) !== true) throw new Refusal('KRL_ENTRY_FORBIDDEN', { keyId })
  }
}

function unite(held: HeldKrl | null, krl: Krl, sha256: string): HeldKrl {
  const keys = new Map(held?.keys)
  for (const row of krl.keys) keys.set(row.keyId, row.reason)
  const manifests = new Map(held?.manifests)
  for (const row of krl.manifests) manifests.set(row.digest, row.reason)
  const floors = new Map(held?.floors)
  for (const [classId, floor] of krl.floors) floors.set(classId, Math.max(floor, floors.get(classId) ?? 0))
  if (keys.size + manifests.size + floors.size > MAX_KRL_ENTRIES)
    throw new Refusal('KRL_CAP', { limit: MAX_KRL_ENTRIES })
  const { number, issued, nextUpdate, hardExpiry } = krl
  return { number, sha256, issued, nextUpdate, hardExpiry, keys, manifests, floors }
}

/** hard expiry = min(KRL's own, issued + the longest life the root allows) (step 7). */
export const hardExpiryOf = (state: TrustState, krl: HeldKrl): number =>
  Math.min(krl.hardExpiry, krl.issued + state.root.longestKrlLifeSeconds)

/** @throws Refusal `KRL_MISSING` without one, `KRL_EXPIRED` past its hard expiry (step 7). */
export function requireLiveKrl(state: TrustState, now: number): HeldKrl {
  if (state.krl === null) throw new Refusal('KRL_MISSING', {})
  const hardExpiry = hardExpiryOf(state, state.krl)
  if (now >= hardExpiry) throw new Refusal('KRL_EXPIRED', { hardExpiry, now })
  return state.krl
}
