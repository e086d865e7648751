import { doneOf, inFlightOf, type Counts } from '../../domain/rollout/counts.js'
import { allowance, paceRoom, type Allowance } from '../../domain/rollout/rates.js'
import { fullSites, withinBudgets, type Site } from '../../domain/rollout/site-budget.js'
import type { RolloutRecord } from './rollout-record.js'

/** Why nobody further is offered anything just now. */
export type WaitReason = 'PACE_EXCEEDED' | 'RATE_LIMIT' | 'IN_FLIGHT_LIMIT' | 'WINDOW_CLOSED' | 'SITE_BUDGET'

export interface QueuedRow {
  readonly deviceId: string
  readonly attempt: number
  readonly site: string | null
}

/** What stood when the round began. */
export interface RoundFacts {
  readonly counts: Counts
  /** Devices reached for the first time, in the last hour and in all. */
  readonly inHour: number
  readonly total: number
  readonly imageSizeBytes: number
  readonly sites: ReadonlyMap<string, Site>
  readonly nowMs: number
}

/** How many a rollout may still offer to in one go, by rates, pace and the budgets of sites; it goes down as offers are made. */
export class OfferRound {
  private readonly sites: Map<string, Site>
  private inFlight: number
  private paceLeft: number
  private due: number

  constructor(
    private readonly row: RolloutRecord,
    private readonly facts: RoundFacts,
  ) {
    this.sites = new Map(facts.sites)
    this.inFlight = inFlightOf(facts.counts)
    this.due = row.offers_due_ms
    const pace = { devicesPerHour: row.devices_per_hour, devicesTotal: row.devices_total }
    this.paceLeft = paceRoom(pace, facts.inHour, facts.total)
  }

  /** When the next offer is due by the rates. */
  get dueMs(): number {
    return this.due
  }
  /** Whether a device may be reached for the first time. */
  get mayReachMore(): boolean {
    return this.paceLeft > 0
  }
  get fullSites(): readonly string[] {
    return this.row.rules.siteBudget === null ? [] : fullSites(this.row.rules.siteBudget, this.sites)
  }

  /** Offers that rates and what is in flight still leave. */
  room(): { readonly devices: number; readonly waitsFor: WaitReason | null } {
    const { devices } = this.allowance()
    if (devices > 0) return { devices, waitsFor: null }
    const isFull = this.inFlight >= (this.row.rules.rates.inFlight ?? Infinity)
    return { devices: 0, waitsFor: isFull ? 'IN_FLIGHT_LIMIT' : 'RATE_LIMIT' }
  }

  /** Those of the rows, in their order, that pace and budgets admit. A further attempt is at a device that was counted already. */
  admit<T extends QueuedRow>(rows: readonly T[]): readonly T[] {
    let left = this.paceLeft
    const paced = rows.filter(({ attempt }) => attempt > 1 || (left -= 1) >= 0)
    const { siteBudget } = this.row.rules
    return siteBudget === null ? paced : withinBudgets(paced, siteBudget, this.sites)
  }

  spend(rows: readonly QueuedRow[]): void {
    const { startMs, intervalMs } = this.allowance()
    if (rows.length > 0 && intervalMs > 0) this.due = Math.ceil(startMs + rows.length * intervalMs)
    this.inFlight += rows.length
    this.paceLeft -= rows.filter((each) => each.attempt === 1).length
    for (const { site } of rows) {
      const known = site === null ? undefined : this.sites.get(site)
      if (site !== null) this.sites.set(site, { devices: known?.devices ?? 1, inFlight: (known?.inFlight ?? 0) + 1 })
    }
  }

  private allowance(): Allowance {
    const { counts, imageSizeBytes, nowMs } = this.facts
    const facts = { confirmed: doneOf(counts), inFlight: this.inFlight, imageSizeBytes, dueMs: this.due, nowMs }
    return allowance(this.row.rules.rates, facts)
  }
}
