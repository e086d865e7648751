import { equalBytes } from '../../domain/bytes.js'
import type { FactName } from '../../domain/targeting/filter.js'
import type { Report } from '../../domain/trust/report.js'

/** What was held of a device before a report of it. */
export interface HeldFacts {
  readonly reported_state: string | null
  readonly running_manifest_sha256: Buffer | null
  readonly running_sequence: number | null
  readonly root_version: number | null
  readonly krl_number: number | null
}

export interface ChangedFacts {
  readonly deviceIds: readonly string[]
  readonly facts: readonly FactName[]
}

/** Which devices are not what they were by these reports, and in what: what groups have to be asked about, by namespace. */
export function changedFacts(
  reports: readonly Report[],
  heldOf: (report: Report) => HeldFacts | undefined,
): ReadonlyMap<string, ChangedFacts> {
  const byNamespace = new Map<string, { deviceIds: string[]; facts: Set<FactName> }>()
  for (const report of reports) {
    const facts = factsThatDiffer(report, heldOf(report))
    if (facts.length === 0) continue
    const changed = byNamespace.get(report.namespace) ?? { deviceIds: [], facts: new Set<FactName>() }
    byNamespace.set(report.namespace, changed)
    changed.deviceIds.push(report.deviceId)
    for (const fact of facts) changed.facts.add(fact)
  }
  return new Map(
    [...byNamespace].map(([namespace, { deviceIds, facts }]) => [namespace, { deviceIds, facts: [...facts] }]),
  )
}

function factsThatDiffer(report: Report, held: HeldFacts | undefined): readonly FactName[] {
  const runs = held?.running_manifest_sha256 ?? null
  const differs: readonly (readonly [FactName, boolean])[] = [
    ['state', held?.reported_state !== report.state],
    ['version', runs === null || !equalBytes(runs, report.runningManifestSha256)],
    ['sequence', held?.running_sequence !== report.runningSequence],
    ['root', held?.root_version !== report.rootVersion],
    ['krl', held?.krl_number !== report.krlNumber],
  ]
  return differs.filter(([, isOther]) => isOther).map(([fact]) => fact)
}
