import { sha256Hex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { parseKrl, type Krl } from './krl.js'
import { MAX_KRL_BYTES } from './labels.js'
import { openSigned1 } from './signed-document.js'
import { raiseClock, revokedKeysOf, type HeldKrl, type TrustState } from './trust-state.js'

/** Cap on what the union of all KRLs may hold: keys, manifests and floors together. */
export const MAX_KRL_ENTRIES = 16_384

/** A KRL that was found good and is newer than the one held, on its way to be applied. */
export interface JudgedKrl extends Krl {
  /** Of the bytes as received, hex. */
  readonly sha256: string
}

/**
 * Judges a KRL that is offered (trust.md §5, step 6).
 * @returns null for the one that is held already.
 * @throws Refusal `KEY_*`, `SIGNATURE_INVALID`, `WRONG_NAMESPACE`, `KRL_*`; an older one is refused, so is another one of the same number.
 */
export function judgeKrl(
  state: TrustState,
  bytes: Uint8Array,
  now: number,
  algorithms: AlgorithmTable,
): JudgedKrl | null {
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
  // A date beyond the key's own life would carry the hard expiry with it, and the time of a device without a clock.
  const { keyId, notBefore, notAfter } = key
  if (krl.issued >= notAfter) throw new Refusal('KEY_NOT_ACTIVE', { keyId, notBefore, notAfter, now: krl.issued })
  const sha256 = sha256Hex(bytes)
  const held = state.krl
  if (held !== null && krl.number < held.number)
    throw new Refusal('KRL_OLD', { held: held.number, offered: krl.number })
  if (held !== null && krl.number === held.number) {
    if (held.sha256 !== sha256) throw new Refusal('KRL_EQUIVOCATION', { number: krl.number })
    return null
  }
  return { ...krl, keys: effectiveKeys(state, krl, keyId), sha256 }
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

/**
 * No KRL revokes root or emergency keys; only an emergency KRL revokes a krl key (trust.md §3). Every later ordinary KRL repeats what
 * an emergency KRL said, and whoever never saw that one cannot tell: of krl keys it counts for nothing, and is no reason to refuse.
 */
function effectiveKeys(state: TrustState, krl: Krl, signedBy: string): Krl['keys'] {
  const krlKeys = idsOf(state, 'krl')
  for (const { keyId } of krl.keys) requireNotSpared(state, keyId, [])
  if (idsOf(state, 'emergency-krl').includes(signedBy)) return krl.keys
  return krl.keys.filter(({ keyId }) => !krlKeys.includes(keyId))
}

/** For those who write a KRL, or say yes to one: nothing in it that would count for nothing. @throws Refusal `KRL_ENTRY_FORBIDDEN`. */
export function requireAllowedEntries(state: TrustState, krl: Krl, signedBy: string): void {
  const isEmergency = idsOf(state, 'emergency-krl').includes(signedBy)
  for (const { keyId } of krl.keys) requireNotSpared(state, keyId, isEmergency ? [] : idsOf(state, 'krl'))
}

function requireNotSpared(state: TrustState, keyId: string, more: readonly string[]): void {
  const spared = [...idsOf(state, 'root'), ...idsOf(state, 'emergency-krl'), ...more]
  if (spared.includes(keyId) && state.krl?.keys.has(keyId) !== true) throw new Refusal('KRL_ENTRY_FORBIDDEN', { keyId })
}

const idsOf = ({ root }: TrustState, role: 'root' | 'emergency-krl' | 'krl'): readonly string[] =>
  root.roles.get(role)?.keyIds ?? []

/**
 * Unites a judged KRL with what is held (trust.md §5, step 8): entries and floors only ever come to it.
 * @throws Refusal `KRL_CAP`.
 */
export function applyKrl(state: TrustState, krl: JudgedKrl): TrustState {
  const united = unite(state.krl, krl)
  if (entriesOf(united) > MAX_KRL_ENTRIES) throw new Refusal('KRL_CAP', { limit: MAX_KRL_ENTRIES })
  return raiseClock({ ...state, krl: united }, krl.issued)
}

/** Whether the union stays under its cap. */
export const fitsCap = (state: TrustState, krl: JudgedKrl): boolean =>
  entriesOf(unite(state.krl, krl)) <= MAX_KRL_ENTRIES

const entriesOf = ({ keys, manifests, floors }: HeldKrl): number => keys.size + manifests.size + floors.size

function unite(held: HeldKrl | null, krl: JudgedKrl): HeldKrl {
  const keys = new Map(held?.keys)
  for (const row of krl.keys) keys.set(row.keyId, row.reason)
  const manifests = new Map(held?.manifests)
  for (const row of krl.manifests) manifests.set(row.digest, row.reason)
  const floors = new Map(held?.floors)
  for (const [classId, floor] of krl.floors) floors.set(classId, Math.max(floor, floors.get(classId) ?? 0))
  const { number, sha256, issued, nextUpdate, hardExpiry } = krl
  return { number, sha256, issued, nextUpdate, hardExpiry, keys, manifests, floors }
}

/** Steps 6 and 8 for a KRL that comes by itself: pushed to a device, brought to a signer or a person. */
export function takeKrl(state: TrustState, bytes: Uint8Array, now: number, algorithms: AlgorithmTable): TrustState {
  const judged = judgeKrl(state, bytes, now, algorithms)
  return judged === null ? state : applyKrl(state, judged)
}

/** Number and dates of a KRL, held or on its way. */
type KrlDates = Pick<HeldKrl, 'number' | 'issued' | 'nextUpdate' | 'hardExpiry'>

/** hard expiry = min(KRL's own, issued + the longest life the root allows) (step 7). */
const hardExpiryOf = (state: TrustState, krl: KrlDates): number =>
  Math.min(krl.hardExpiry, krl.issued + state.root.longestKrlLifeSeconds)

/**
 * What forbids installing under this KRL now: none at all, one before those that the root demands, or one past its hard expiry (step 7).
 * Null when nothing does.
 */
export function findKrlExpiry(state: TrustState, krl: KrlDates | null, now: number): Refusal | null {
  if (krl === null) return new Refusal('KRL_MISSING', {})
  const { leastKrlNumber } = state.root
  if (krl.number < leastKrlNumber) return new Refusal('KRL_OLD', { held: leastKrlNumber, offered: krl.number })
  const hardExpiry = hardExpiryOf(state, krl)
  return now >= hardExpiry ? new Refusal('KRL_EXPIRED', { hardExpiry, now }) : null
}

/** @throws Refusal `KRL_MISSING` without one, `KRL_OLD` for the root, `KRL_EXPIRED` past its hard expiry (step 7). */
export function requireLiveKrl(state: TrustState, now: number): HeldKrl {
  const refusal = findKrlExpiry(state, state.krl, now)
  if (refusal !== null || state.krl === null) throw refusal ?? new Refusal('KRL_MISSING', {})
  return state.krl
}

/** A newer KRL is overdue: a warning for people and never a reason to refuse (step 7). */
export const isKrlLate = (state: TrustState, now: number): boolean => state.krl !== null && now >= state.krl.nextUpdate
