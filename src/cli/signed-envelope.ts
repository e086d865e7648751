import { equalBytes, toHex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { parseSign1, sign1Message, type Sign1 } from '../domain/cose/sign1.js'
import { requireSignature } from '../domain/cose/verify.js'
import { Refusal } from '../domain/refusal.js'
import { encodeSuitDigest } from '../domain/suit/digest.js'
import { manifestSha256, MAX_ENVELOPE_BYTES, parseEnvelope } from '../domain/suit/envelope.js'
import { parseManifest, type Manifest } from '../domain/suit/manifest.js'
import { requireKey } from '../domain/trust/signed-document.js'
import type { TrustState } from '../domain/trust/trust-state.js'

/** An envelope as a record of what was signed once. */
export interface SignedEnvelope {
  readonly manifestSha256: Uint8Array
  readonly manifest: Manifest
  /** Key id of a good signature, hex; null when all keys of the envelope left the root. */
  readonly signedBy: string | null
}

/**
 * Opens an envelope that a manifest key of the held root signed. The life and revocation of that key are not asked: this is a
 * record to compare with, nothing is installed from it.
 * @throws Refusal `DIGEST_MISMATCH`, `SIGNATURE_MISSING` when a listed key did not sign it, `MANIFEST_TEMPLATE`, …
 */
export function openSignedEnvelope(state: TrustState, bytes: Uint8Array): SignedEnvelope {
  const envelope = parseEnvelope(bytes)
  const digest = manifestSha256(envelope.manifest)
  if (!equalBytes(envelope.claimedSha256, digest))
    throw new Refusal('DIGEST_MISMATCH', {
      what: 'authentication wrapper',
      expected: toHex(envelope.claimedSha256),
      found: toHex(digest),
    })
  const blocks = envelope.blocks.map((block) => parseSign1(block, MAX_ENVELOPE_BYTES))
  const listed = blocks.filter(({ keyId }) => keyId !== null && state.root.keys.has(toHex(keyId)))
  const good = listed.find((block) => isSignedBlock(state, block, digest))
  // No block at all is no signature; blocks of keys that are gone cannot be judged.
  if (good === undefined && (listed.length > 0 || blocks.length === 0))
    throw new Refusal('SIGNATURE_MISSING', { role: 'manifest-a' })
  const signedBy = good === undefined ? null : toHex(good.keyId ?? new Uint8Array(0))
  return { manifestSha256: digest, manifest: parseManifest(envelope.manifest), signedBy }
}

function isSignedBlock(state: TrustState, parsed: Sign1, digest: Uint8Array): boolean {
  try {
    const key = requireKey(state.root, ['manifest-a', 'manifest-b'], parsed.keyId, new Map(), null)
    const message = sign1Message(parsed.protectedBytes, new Uint8Array(0), encodeSuitDigest(digest))
    requireSignature(nativeAlgorithms, key, parsed, message)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
