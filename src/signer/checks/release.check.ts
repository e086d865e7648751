import { toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import type { Manifest } from '../../domain/suit/manifest.js'
import { checkEnvelope, requireTarget } from '../../domain/trust/check-envelope.js'
import type { Policy } from '../../domain/trust/policy.js'
import type { TrustState } from '../../domain/trust/trust-state.js'

/** Check 21: the release was published by the release signer. @throws Refusal `RELEASE_UNKNOWN`. */
export function requireRelease(envelope: Uint8Array | null, digest: string): Uint8Array {
  if (envelope === null) throw new Refusal('RELEASE_UNKNOWN', { digest })
  return envelope
}

/**
 * Check 22: what a device will check of the envelope (trust.md §5, steps 11 to 14), under the newest root and KRL held here:
 * a device would refuse it otherwise, after the download.
 * @throws Refusal of `checkEnvelope`, `WRONG_VENDOR`, `WRONG_CLASS`, `ROLLBACK`, `PROOF_MISSING`.
 */
export function requireInstallable(
  state: TrustState,
  envelope: Uint8Array,
  manifestSha256: Uint8Array,
  policy: Policy,
  now: number,
): Manifest {
  const checked = checkEnvelope(state, envelope, manifestSha256, now, nativeAlgorithms)
  const { manifest } = checked
  const classId = toHex(manifest.classId)
  if (!policy.classes.has(classId))
    throw new Refusal('WRONG_CLASS', { expected: [...policy.classes.keys()].join(' or '), found: classId })
  requireTarget(state, checked, { vendorId: policy.vendorId, classId: manifest.classId })
  if (state.root.log !== undefined) throw new Refusal('PROOF_MISSING', {})
  return manifest
}
