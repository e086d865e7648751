/** How many devices of one site may be under way at once, whatever rollout they are in. */
export type SiteBudget = { readonly devices: number } | { readonly percent: number }

export interface Site {
  /** Devices that stand there. */
  readonly devices: number
  /** Those of them that have an offer and are not at an end. */
  readonly inFlight: number
}

export interface Candidate {
  readonly deviceId: string
  /** null: nobody said where it stands; it then stands for itself. */
  readonly site: string | null
}

/** At least one, or a small site would never be updated. */
export const budgetOf = (budget: SiteBudget, devices: number): number =>
  'devices' in budget ? budget.devices : Math.max(1, Math.floor((budget.percent * devices) / 100))

/** Sites at which no further device may be disturbed. */
export const fullSites = (budget: SiteBudget, sites: ReadonlyMap<string, Site>): string[] =>
  [...sites].flatMap(([name, site]) => (site.inFlight >= budgetOf(budget, site.devices) ? [name] : []))

/** The first candidates, in their order, that fit into the budgets of their sites. */
export function withinBudgets<T extends Candidate>(
  candidates: readonly T[],
  budget: SiteBudget,
  sites: ReadonlyMap<string, Site>,
): readonly T[] {
  const taken = new Map<string, number>()
  return candidates.filter(({ site }) => {
    if (site === null) return true
    const { devices = 1, inFlight = 0 } = sites.get(site) ?? {}
    const busy = taken.get(site) ?? inFlight
    if (busy >= budgetOf(budget, devices)) return false
    taken.set(site, busy + 1)
    return true
  })
}
