import { sha256Hex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { parseSign } from '../cose/sign.js'
import { Refusal } from '../refusal.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'
import { parsePolicy, type Policy } from './policy.js'
import { openMultiSigned } from './signed-document.js'
import { revokedKeysOf, type TrustState } from './trust-state.js'

/** A policy that was held before; null on first contact. */
export interface HeldPolicy {
  readonly version: number
  /** SHA-256 of what is signed, hex: a policy is no other one because others of its holders signed it. */
  readonly payloadSha256: string
}

/** Of a policy that was verified when it was taken. */
export function heldPolicyOf(bytes: Uint8Array): HeldPolicy {
  const { payload } = parseSign(bytes, MAX_DOCUMENT_BYTES)
  return { version: parsePolicy(payload).version, payloadSha256: sha256Hex(payload) }
}

/**
 * Opens a policy: threshold of role policy and no signature beside those of its holders, own namespace, not older than the one held (equal only with the same content), not expired.
 * @throws Refusal `THRESHOLD_NOT_MET`, `KEY_*`, `WRONG_NAMESPACE`, `POLICY_VERSION`, `POLICY_CHANGED`, `POLICY_EXPIRED`, …
 */
export function openPolicy(
  state: TrustState,
  bytes: Uint8Array,
  held: HeldPolicy | null,
  now: number,
  algorithms: AlgorithmTable,
): Policy {
  const opened = openMultiSigned('policy', bytes, algorithms)
  opened.requireThreshold(state.root, 'policy', revokedKeysOf(state), now)
  opened.requireEachCounted('policy')
  const policy = parsePolicy(opened.payload)
  if (policy.namespace !== state.root.namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: state.root.namespace, found: policy.namespace })
  if (held !== null && policy.version < held.version)
    throw new Refusal('POLICY_VERSION', { held: held.version, offered: policy.version })
  if (held !== null && policy.version === held.version && sha256Hex(opened.payload) !== held.payloadSha256)
    throw new Refusal('POLICY_CHANGED', { version: policy.version })
  if (now >= policy.expires) throw new Refusal('POLICY_EXPIRED', { expires: policy.expires, now })
  return policy
}
