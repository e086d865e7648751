import type { Filters } from './targeting/filters.service.js'
import type { PollSettings } from './poll-settings.js'

export interface NamespacePolling {
  readonly namespace: string
  readonly settings: Pick<PollSettings, 'pollOverrides'>
}

/**
 * One expression over `device` as `d` for the overrides of all namespaces, null where none fits.
 * @param taken how many parameters the query has before those of the expression.
 */
export function compileOverrides(
  all: readonly NamespacePolling[],
  filters: Filters,
  taken: number,
): { readonly sql: string; readonly parameters: readonly unknown[] } {
  let parameters: readonly unknown[] = Array.from({ length: taken }, () => null)
  const cases: string[] = []
  for (const { namespace, settings } of all)
    for (const { filter, pollSeconds } of settings.pollOverrides) {
      const parsed = filters.parse(namespace, filter)
      const compiled = filters.compile(namespace, parsed, [...parameters, namespace])
      cases.push(`WHEN d.namespace = $${parameters.length + 1} AND (${compiled.sql}) THEN ${pollSeconds}`)
      parameters = compiled.parameters
    }
  const sql = cases.length === 0 ? 'NULL::int' : `CASE ${cases.join(' ')} END`
  return { sql, parameters: parameters.slice(taken) }
}
