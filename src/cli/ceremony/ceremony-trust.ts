import { nativeAlgorithms as algorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import { openPolicy } from '../../domain/trust/open-policy.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { anchorState, type TrustState } from '../../domain/trust/trust-state.js'
import { walkRoots } from '../../domain/trust/walk-root.js'
import type { CliHome } from '../cli-home.js'
import { readLocalFile } from '../local-file.js'
import { TrustStore, type HeldTrust } from '../trust-store.js'
import type { CeremonyContext } from './ceremony-kind.js'

/** Signed documents as files, for a machine that is connected to nothing. */
export interface TrustFiles {
  /** From the one that is trusted for its fingerprint on, in order. */
  readonly root?: readonly string[]
  readonly policy?: string
  readonly krl?: string
}

/**
 * Verifies the files that a command names; without any, takes what this machine has verified before.
 * @returns null when there is neither.
 * @throws Refusal of the first document that does not hold.
 */
export function findTrust(home: CliHome, files: TrustFiles, now: number): HeldTrust | null {
  const [first, ...later] = (files.root ?? []).map((path) => readLocalFile(path))
  const store = new TrustStore(home)
  if (first === undefined)
    return files.policy === undefined && files.krl === undefined ? store.find() : refuseRootless()
  const krlBytes = files.krl === undefined ? null : readLocalFile(files.krl)
  const state = walk(anchorState(first, algorithms), later, krlBytes, now)
  const policyBytes = files.policy === undefined ? null : readLocalFile(files.policy)
  const policy = policyBytes === null ? null : openPolicy(state, policyBytes, null, now, algorithms)
  return { state, policy, policyBytes, krlBytes }
}

/** The list is taken where it was made: its key may have left the root since, and what it revoked stays revoked. */
function walk(anchor: TrustState, roots: readonly Uint8Array[], krl: Uint8Array | null, now: number): TrustState {
  let refusal: unknown = null
  const take = (state: TrustState): TrustState => {
    if (krl === null || state.krl !== null) return state
    try {
      return takeKrl(state, krl, now, algorithms)
    } catch (error) {
      refusal = error
      return state
    }
  }
  const last = roots.reduce((state, root) => take(walkRoots(state, [root], algorithms, () => undefined)), take(anchor))
  if (krl !== null && last.krl === null) throw refusal
  return last
}

function refuseRootless(): never {
  throw new Refusal('REQUEST_INVALID', { field: '--root', why: 'policy and list are verified from a root' })
}

/** @throws Refusal `CONFIGURATION` when neither files nor a pinned root are there. */
export function requireHeld({ held }: Pick<CeremonyContext, 'held'>): HeldTrust {
  if (held === null)
    throw new Refusal('CONFIGURATION', { name: 'root', why: 'give --root FILE, or pin it with "countersign init"' })
  return held
}
