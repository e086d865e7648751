import { Refusal } from '../../domain/refusal.js'
import type { RootKey } from '../../domain/trust/root.js'
import type { TrustState } from '../../domain/trust/trust-state.js'

/** What this signer signed before: with which key, and who had submitted it. */
export interface SignedRelease {
  readonly keyId: string
  readonly requester: string
}

/**
 * Check 9 of a re-signature: exactly this digest was signed here before, and no KRL has withdrawn it since.
 * @param digest of the manifest, 64 hex digits.
 * @throws Refusal `RELEASE_UNKNOWN`, `MANIFEST_REVOKED`.
 */
export function requireSigned(state: TrustState, digest: string, signed: SignedRelease | null): SignedRelease {
  if (signed === null) throw new Refusal('RELEASE_UNKNOWN', { digest })
  if (state.krl?.manifests.has(digest) === true) throw new Refusal('MANIFEST_REVOKED', { digest })
  return signed
}

/**
 * Check 9 of a re-signature, its key: one that becomes active later than the one that signed last. A key that left the root is
 * older than any.
 * @throws Refusal `KEY_NOT_NEWER`.
 */
export function requireNewerKey(state: TrustState, key: RootKey, signedWith: string): void {
  const before = state.root.keys.get(signedWith)
  if (key.keyId === signedWith || (before !== undefined && key.notBefore <= before.notBefore))
    throw new Refusal('KEY_NOT_NEWER', { keyId: key.keyId, signedWith })
}
