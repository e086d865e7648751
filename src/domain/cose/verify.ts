import { toHex } from '../bytes.js'
import { Refusal } from '../refusal.js'
import type { Algorithm, AlgorithmTable } from './algorithms.js'
import type { CoseKey } from './cose-key.js'

/** A key whose owner we know, pinned to one algorithm: the alg of a message never chooses how it is checked. */
export interface PinnedKey {
  readonly key: CoseKey
  readonly alg: number
}

/** What a message says about its signature. */
interface ClaimedSignature {
  readonly alg: number
  readonly keyId: Uint8Array | null
  readonly signature: Uint8Array
}

/**
 * Checks one signature with the algorithm that is pinned to the key.
 * @param claimed the alg of the protected header; it must be the pinned one.
 * @throws Refusal `ALGORITHM_NOT_ALLOWED` when the algorithms differ or the table has no such row, `SIGNATURE_INVALID`; the
 *   latter also for a valid signature in another than the one form.
 */
export function requireSignature(
  algorithms: AlgorithmTable,
  pinned: PinnedKey,
  claimed: ClaimedSignature,
  message: Uint8Array,
): void {
  const algorithm = pinnedAlgorithm(algorithms, pinned, claimed)
  if (!algorithm.verify(pinned.key, message, claimed.signature)) throw invalid(claimed)
}

/** `requireSignature` by another thread. The message must not change meanwhile. */
export async function requireSignatureAside(
  algorithms: AlgorithmTable,
  pinned: PinnedKey,
  claimed: ClaimedSignature,
  message: Uint8Array,
): Promise<void> {
  const algorithm = pinnedAlgorithm(algorithms, pinned, claimed)
  const { signature } = claimed
  const pending = algorithm.verifyAside?.(pinned.key, message, signature)
  if (!(await (pending ?? algorithm.verify(pinned.key, message, signature)))) throw invalid(claimed)
}

function pinnedAlgorithm(algorithms: AlgorithmTable, pinned: PinnedKey, claimed: ClaimedSignature): Algorithm {
  const algorithm = algorithms.get(pinned.alg)
  if (algorithm === undefined || claimed.alg !== pinned.alg)
    throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg: claimed.alg })
  if (algorithm.canonical(claimed.signature) !== claimed.signature) throw invalid(claimed)
  return algorithm
}

const invalid = ({ keyId }: ClaimedSignature): Refusal =>
  new Refusal('SIGNATURE_INVALID', { keyId: keyId === null ? '' : toHex(keyId) })
