import { Refusal } from '../../domain/refusal.js'
import type { Policy } from '../../domain/trust/policy.js'

/** Check 14: signatures of one key in 24 hours. @throws Refusal `RATE_EXCEEDED`. */
export function requireRate(policy: Policy, signaturesInDay: number): void {
  const limit = policy.limits.signaturesPerDay
  if (limit !== undefined && signaturesInDay >= limit)
    throw new Refusal('RATE_EXCEEDED', { limit, what: 'signatures per day' })
}
