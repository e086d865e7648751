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
  requireNothingLowered(held, offered)
  const bumped = offered.epoch > held.epoch
  return raiseClock(
    { ...state, rootBytes: bytes, root: offered, krl: bumped ? null : keepListed(state, offered) },
    offered.issued,
  )
}

/** Floors and epochs never go down: a lowered floor would let an old image back in. */
function requireNothingLowered(held: Root, offered: Root): void {
  const requireNotLower = (what: string, before: number, after: number): void => {
    if (after < before) throw new Refusal('ROOT_FLOOR_LOWERED', { what, held: before, offered: after })
  }
  requireNotLower('epoch', held.epoch, offered.epoch)
  for (const [classId, floor] of held.floors)
    requireNotLower(`class ${classId}`, floor, offered.floors.get(classId) ?? 0)
}

/** A revocation goes when a root drops the key it is about. Keys of people are in no root: theirs stay. */
function keepListed(state: TrustState, offered: Root): TrustState['krl'] {
  if (state.krl === null) return null
  const keys = new Map([...state.krl.keys].filter(([keyId]) => offered.keys.has(keyId) || !state.root.keys.has(keyId)))
  return { ...state.krl, keys }
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
