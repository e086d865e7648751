import { equalBytes, fromHex } from '../bytes.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { parseSign1, sign1Message } from '../cose/sign1.js'
import { requireSignature } from '../cose/verify.js'
import { Refusal } from '../refusal.js'
import { encodeSuitDigest } from '../suit/digest.js'
import { MAX_ENVELOPE_BYTES } from '../suit/envelope.js'
import type { Manifest } from '../suit/manifest.js'
import { openEnvelope, requireManifest } from '../trust/check-envelope.js'
import { requireKey } from '../trust/signed-document.js'
import { revokedKeysOf, type TrustState } from '../trust/trust-state.js'

/**
 * An envelope that one signer made: its digest is the one approved, and a block of exactly that key signs it. A device asks for
 * every manifest role of the root; one signer has only its own.
 * @param keyId 64 hex digits.
 * @throws Refusal of the envelope, `SIGNATURE_MISSING`, `SIGNATURE_INVALID`, `KEY_*`.
 */
export function openSignedRelease(
  state: TrustState,
  bytes: Uint8Array,
  digest: Uint8Array,
  keyId: string,
  now: number,
): Manifest {
  const envelope = openEnvelope(state, bytes, digest)
  const wanted = fromHex(keyId)
  const block = envelope.blocks
    .map((each) => parseSign1(each, MAX_ENVELOPE_BYTES))
    .find((each) => each.keyId !== null && equalBytes(each.keyId, wanted))
  if (block === undefined) throw new Refusal('SIGNATURE_MISSING', { role: 'manifest' })
  const key = requireKey(state.root, ['manifest-a', 'manifest-b'], wanted, revokedKeysOf(state), now)
  const message = sign1Message(block.protectedBytes, new Uint8Array(0), encodeSuitDigest(digest))
  requireSignature(nativeAlgorithms, key, block, message)
  return requireManifest(envelope)
}
