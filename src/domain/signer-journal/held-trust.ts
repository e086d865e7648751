import { equalBytes } from '../bytes.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { Refusal } from '../refusal.js'
import { heldPolicyOf, openPolicy, type HeldPolicy } from '../trust/open-policy.js'
import type { Policy } from '../trust/policy.js'
import { takeKrl } from '../trust/take-krl.js'
import { anchorState, type TrustState } from '../trust/trust-state.js'
import { takeRoot } from '../trust/walk-root.js'

/** The signed documents a signer goes by, each verified when it was taken. Bytes as received. */
export interface HeldTrust {
  readonly state: TrustState
  readonly roots: ReadonlyMap<number, Uint8Array>
  readonly policy: (HeldPolicy & { readonly bytes: Uint8Array }) | null
  readonly krlBytes: Uint8Array | null
}

/** Trust in the pinned root and in nothing else yet. */
export function anchoredTrust(pinnedRoot: Uint8Array): HeldTrust {
  const state = anchorState(pinnedRoot, nativeAlgorithms)
  return { state, roots: new Map([[state.root.version, pinnedRoot]]), policy: null, krlBytes: null }
}

/**
 * Judges one more document and holds it. Called when it arrives and again, with the same time, when the journal is read.
 * @throws Refusal of `takeRoot`, `openPolicy` or `takeKrl`.
 */
export function holdDocument(
  held: HeldTrust,
  kind: 'root' | 'policy' | 'krl',
  bytes: Uint8Array,
  now: number,
): HeldTrust {
  switch (kind) {
    case 'root': {
      const state = takeRoot(held.state, bytes, nativeAlgorithms)
      const roots = new Map(held.roots).set(state.root.version, bytes)
      // An epoch bump forgets the KRL, so it is not handed on either.
      return { ...held, state, roots, krlBytes: state.krl === null ? null : held.krlBytes }
    }
    case 'policy': {
      openPolicy(held.state, bytes, held.policy, now, nativeAlgorithms)
      return { ...held, policy: { bytes, ...heldPolicyOf(bytes) } }
    }
    case 'krl':
      return { ...held, state: takeKrl(held.state, bytes, now, nativeAlgorithms), krlBytes: bytes }
  }
}

/** True when exactly these bytes are held as the newest of their kind, so that they need no second look. */
export function isHeld(held: HeldTrust, kind: 'root' | 'policy' | 'krl', bytes: Uint8Array): boolean {
  const newest = {
    root: held.roots.get(held.state.root.version),
    policy: held.policy?.bytes,
    krl: held.krlBytes ?? undefined,
  }[kind]
  return newest !== undefined && equalBytes(newest, bytes)
}

/**
 * The newest policy, opened anew under the newest root and KRL: its signers may be gone since it was taken.
 * @throws Refusal `POLICY_MISSING`, and those of `openPolicy`.
 */
export function requireHeldPolicy(held: HeldTrust, now: number): Policy {
  if (held.policy === null) throw new Refusal('POLICY_MISSING', {})
  return openPolicy(held.state, held.policy.bytes, held.policy, now, nativeAlgorithms)
}
