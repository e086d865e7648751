import { Refusal } from '../../domain/refusal.js'
import type { Policy } from '../../domain/trust/policy.js'
import { requireHeldPolicy, type HeldTrust } from '../../domain/signer-journal/held-trust.js'

/** Check 3: the newest root has not expired, and the newest policy holds under it. @throws Refusal `ROOT_EXPIRED`, `POLICY_*`, … */
export function requirePolicy(held: HeldTrust, now: number): Policy {
  requireLiveRoot(held, now)
  return requireHeldPolicy(held, now)
}

function requireLiveRoot({ state }: HeldTrust, now: number): void {
  if (now >= state.root.expires) throw new Refusal('ROOT_EXPIRED', { expires: state.root.expires, now })
}
