import { Refusal } from '../../domain/refusal.js'

/**
 * Ten a second, hour by hour: more than a fleet without clocks asks for when the lights come back. Each is a record of the journal, and
 * nobody's approval is needed for it: without a bound a stolen server could fill the disk.
 */
export const MOST_FRESHNESS_PER_HOUR = 36_000

/** Check 14 of a freshness statement. @throws Refusal `RATE_EXCEEDED`. */
export function requireFreshnessRate(inHour: number): void {
  if (inHour >= MOST_FRESHNESS_PER_HOUR)
    throw new Refusal('RATE_EXCEEDED', { limit: MOST_FRESHNESS_PER_HOUR, what: 'freshness statements per hour' })
}
