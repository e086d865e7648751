import type { FactName } from '../../domain/targeting/filter.js'

/** What a report can change of a device that filters ask about; `column` is where it is held, `told` what the report says. */
const facts: readonly { readonly name: FactName; readonly column: string; readonly told: string }[] = [
  { name: 'state', column: 'reported_state', told: 'state' },
  { name: 'version', column: 'running_manifest_sha256', told: 'manifest' },
  { name: 'sequence', column: 'running_sequence', told: 'sequence' },
  { name: 'root', column: 'root_version', told: 'root_version' },
  { name: 'krl', column: 'krl_number', told: 'krl' },
]

/** Which of them differ between device `d` and report `n`, a bit each: as words of every row they would cost as much as the rest. */
export const CHANGED = facts
  .map(({ column, told }, bit) => `CASE WHEN d.${column} IS DISTINCT FROM n.${told} THEN ${1 << bit} ELSE 0 END`)
  .join(' + ')

export interface ReportedChange {
  readonly namespace: string
  readonly deviceId: string
  /** As `CHANGED` gave it. */
  readonly changed: number
}
export interface ChangedFacts {
  readonly deviceIds: readonly string[]
  readonly facts: readonly FactName[]
}

/** Which devices are not what they were by these reports, and in what: what groups have to be asked about, by namespace. */
export function changedFacts(reports: readonly ReportedChange[]): ReadonlyMap<string, ChangedFacts> {
  const byNamespace = new Map<string, { deviceIds: string[]; bits: number }>()
  for (const { namespace, deviceId, changed } of reports) {
    if (changed === 0) continue
    const known = byNamespace.get(namespace) ?? { deviceIds: [], bits: 0 }
    byNamespace.set(namespace, known)
    known.deviceIds.push(deviceId)
    known.bits |= changed
  }
  return new Map(
    [...byNamespace].map(([namespace, { deviceIds, bits }]) => [
      namespace,
      { deviceIds, facts: facts.filter((_, bit) => (bits & (1 << bit)) !== 0).map(({ name }) => name) },
    ]),
  )
}
