import { Refusal } from '../../domain/refusal.js'
import type { Policy } from '../../domain/trust/policy.js'

/** A device renews every few weeks; some more for one that lost its answer, or was made anew. */
const MOST_PER_DEVICE = 5

/** Check 14 of a certificate. @throws Refusal `RATE_EXCEEDED`. */
export function requireCertificateRate(
  policy: Policy,
  inDay: { readonly all: number; readonly ofDevice: number },
): void {
  if (inDay.ofDevice >= MOST_PER_DEVICE)
    throw new Refusal('RATE_EXCEEDED', { limit: MOST_PER_DEVICE, what: 'certificates of a device per day' })
  const limit = policy.limits.certificatesPerDay
  if (limit !== undefined && inDay.all >= limit)
    throw new Refusal('RATE_EXCEEDED', { limit, what: 'certificates per day' })
}
