import { toHex } from '../bytes.js'
import { Refusal } from '../refusal.js'
import type { AlgorithmTable } from './algorithms.js'
import type { CoseKey } from './cose-key.js'

/** A key whose owner we know, pinned to one algorithm: the alg of a message never chooses how it is checked. */
export interface PinnedKey {
  readonly key: CoseKey
  readonly alg: number
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
  claimed: { readonly alg: number; readonly keyId: Uint8Array | null; readonly signature: Uint8Array },
  message: Uint8Array,
): void {
  const algorithm = algorithms.get(pinned.alg)
  if (algorithm === undefined || claimed.alg !== pinned.alg)
    throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg: claimed.alg })
  const { signature } = claimed
  if (algorithm.canonical(signature) !== signature || !algorithm.verify(pinned.key, message, signature))
    throw new Refusal('SIGNATURE_INVALID', { keyId: claimed.keyId === null ? '' : toHex(claimed.keyId) })
}
