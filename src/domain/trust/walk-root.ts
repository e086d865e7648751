import type { AlgorithmTable } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { parseRoot, readRootVersion, type Root } from './root.js'
import { nothingRevoked, openMultiSigned, type MultiDocument } from './signed-document.js'
import { raiseClock, type TrustState } from './trust-state.js'

/** Longest chain that is walked in one go: 85 years of monthly roots. */
export const MAX_ROOT_WALK = 1_024

/**
 * Takes the next root: signed by the threshold of the held one and by its own, version exactly one higher.
 * Expiry of intermediate roots is not asked (trust.md §5, step 2): a device from the shelf must get through.
 * An epoch bump, and only that, forgets what KRLs said (step 3); floors of roots stay.
 * @throws Refusal `ROOT_VERSION`, `WRONG_NAMESPACE`, `ROOT_FLOOR_LOWERED`, `THRESHOLD_NOT_MET`, `SIGNATURE_*`, …
 */
export const takeRoot = (state: TrustState, bytes: Uint8Array, algorithms: AlgorithmTable): TrustState =>
  takeOpened(state, bytes, openMultiSigned('root', bytes, algorithms))

function takeOpened(state: TrustState, bytes: Uint8Array, opened: MultiDocument): TrustState {
  const held = state.root
  // The old holders speak first: nothing of the new document is believed until they did.
  opened.requireThreshold(held, 'root', nothingRevoked, null)
  const offered = parseRoot(opened.payload)
  if (offered.namespace !== held.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: held.namespace, found: offered.namespace })
  if (offered.version !== held.version + 1)
    throw new Refusal('ROOT_VERSION', { expected: held.version + 1, found: offered.version })
  opened.requireThreshold(offered, 'root', nothingRevoked, null)
  // Everybody who signs a root holds this one or the one before.
  opened.requireEachCounted('root')
  requireNothingLowered(held, offered)
  const next = offered.epoch > held.epoch ? forgetKrls(state) : { ...state, krl: keepRevoked(state, offered) }
  return raiseClock({ ...next, rootBytes: bytes, root: offered }, offered.issued)
}

/**
 * Step 3: what KRLs and freshness statements said is gone, and with it the time that they told: else a stolen key could
 * push a device without a clock past the life of every key there will be. Roots and their floors stay.
 */
const forgetKrls = (state: TrustState): TrustState => ({
  ...state,
  krl: null,
  freshness: null,
  latestSeconds: state.root.issued,
})

/** Floors and epochs never go down: a lowered floor would let an old image back in. */
function requireNothingLowered(held: Root, offered: Root): void {
  const requireNotLower = (what: string, before: number, after: number): void => {
    if (after < before) throw new Refusal('ROOT_FLOOR_LOWERED', { what, held: before, offered: after })
  }
  requireNotLower('epoch', held.epoch, offered.epoch)
  for (const [classId, floor] of held.floors)
    requireNotLower(`class ${classId}`, floor, offered.floors.get(classId) ?? 0)
}

/**
 * Revocations stay for the whole epoch, also of a key that one root drops and a later one lists again (I-5). But a key that
 * the root names for roots or emergencies is out of reach of KRLs, also of one that named it before.
 */
function keepRevoked({ krl }: TrustState, { roles }: Root): TrustState['krl'] {
  if (krl === null) return null
  const spared = [roles.get('root'), roles.get('emergency-krl')].flatMap((role) => role?.keyIds ?? [])
  return { ...krl, keys: new Map([...krl.keys].filter(([keyId]) => !spared.includes(keyId))) }
}

/**
 * Walks a chain of roots. Documents at or below the held version are passed over: an answer may repeat them.
 * @param save called after every step, so that a power cut loses none.
 * @throws Refusal `ROOT_WALK_TOO_LONG` or that of the step that failed; steps before it are saved.
 */
export function walkRoots(
  state: TrustState,
  chain: readonly Uint8Array[],
  algorithms: AlgorithmTable,
  save: (state: TrustState) => void,
): TrustState {
  if (chain.length > MAX_ROOT_WALK) throw new Refusal('ROOT_WALK_TOO_LONG', { limit: MAX_ROOT_WALK })
  let current = state
  for (const bytes of chain) {
    const opened = openMultiSigned('root', bytes, algorithms)
    if (readRootVersion(opened.payload) <= current.root.version) continue
    current = takeOpened(current, bytes, opened)
    save(current)
  }
  return current
}
