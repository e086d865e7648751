import { Refusal } from '../../domain/refusal.js'
import type { RolloutPlan } from '../../domain/trust/rollout-plan.js'

/** What was assigned under a plan, of one manifest. */
export interface SpentPace {
  /** This device is among those counted: it may have its assignment again. */
  readonly isCounted: boolean
  readonly inHour: number
  readonly total: number
}

/** Check 24: one more device stays within what people signed. @throws Refusal `PACE_EXCEEDED`. */
export function requirePace(plan: RolloutPlan, spent: SpentPace): void {
  if (spent.isCounted) return
  if (spent.total >= plan.devicesTotal)
    throw new Refusal('PACE_EXCEEDED', { limit: plan.devicesTotal, what: 'devices in total' })
  if (spent.inHour >= plan.devicesPerHour)
    throw new Refusal('PACE_EXCEEDED', { limit: plan.devicesPerHour, what: 'devices per hour' })
}
