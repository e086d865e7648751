import { Refusal } from '../../domain/refusal.js'
import type { RolloutPlan } from '../../domain/trust/rollout-plan.js'

/** What was assigned under a plan, of one manifest. */
export interface SpentPace {
  /** This device is among those counted: it may have its assignment again. */
  readonly isCounted: boolean
  readonly inHour: number
  readonly total: number
  /** Assignments that were given again today, to whichever of its devices. */
  readonly renewedToday: number
}

/** An assignment lives for a day; the rest is for answers that were lost and servers that forgot. */
const RENEWALS_PER_DEVICE = 4
/** A few devices may be tried with more often than a fleet. */
const RENEWALS_OF_A_FEW = 100

/**
 * Check 24: one more device stays within what people signed. One that is counted may have its assignment again; that too is a record
 * of the journal, which a stolen server could fill.
 * @throws Refusal `PACE_EXCEEDED`, `RATE_EXCEEDED`.
 */
export function requirePace(plan: RolloutPlan, spent: SpentPace): void {
  if (spent.isCounted) return requireRenewalRate(spent)
  if (spent.total >= plan.devicesTotal)
    throw new Refusal('PACE_EXCEEDED', { limit: plan.devicesTotal, what: 'devices in total' })
  if (spent.inHour >= plan.devicesPerHour)
    throw new Refusal('PACE_EXCEEDED', { limit: plan.devicesPerHour, what: 'devices per hour' })
}

function requireRenewalRate({ total, renewedToday }: SpentPace): void {
  const limit = Math.max(RENEWALS_OF_A_FEW, RENEWALS_PER_DEVICE * total)
  if (renewedToday >= limit) throw new Refusal('RATE_EXCEEDED', { limit, what: 'assignments given again per day' })
}
