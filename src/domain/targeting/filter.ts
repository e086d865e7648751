import type { Field } from './fields.js'
import type { VersionKey } from './version-key.js'

export type Comparison = '<' | '<=' | '=' | '>=' | '>'

/** A filter as it was understood. `!=`, `not in` and lists of numbers are written with `not` and `or`: one form for one meaning. */
export type Filter =
  | { readonly kind: 'all' }
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | { readonly kind: 'tag' | 'group'; readonly name: string }
  | { readonly kind: 'has'; readonly attribute: string }
  /** The field is one of these texts. */
  | { readonly kind: 'text'; readonly field: Field; readonly values: readonly string[] }
  | { readonly kind: 'number'; readonly field: Field; readonly is: Comparison; readonly value: number }
  | { readonly kind: 'version'; readonly field: Field; readonly is: Comparison; readonly value: VersionKey }

/** What a change of a device can touch: `tag`, `group`, a column by its name, an attribute as `attribute/NAME`. */
export type FactName = string

export const nameOfField = ({ kind, name }: Field): FactName => (kind === 'attribute' ? `attribute/${name}` : name)

/** Everything the filter looks at: a change of anything else cannot change who fits it. */
export function factsNamedBy(filter: Filter): ReadonlySet<FactName> {
  switch (filter.kind) {
    case 'all':
      return new Set()
    case 'and':
    case 'or':
      return new Set(filter.filters.flatMap((each) => [...factsNamedBy(each)]))
    case 'not':
      return factsNamedBy(filter.filter)
    case 'tag':
    case 'group':
      return new Set([filter.kind])
    case 'has':
      return new Set([`attribute/${filter.attribute}`])
    case 'text':
    case 'number':
    case 'version':
      return new Set([nameOfField(filter.field)])
  }
}

/** Names of the groups that the filter asks for. */
export function groupsNamedBy(filter: Filter): readonly string[] {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.filters.flatMap(groupsNamedBy)
    case 'not':
      return groupsNamedBy(filter.filter)
    case 'group':
      return [filter.name]
    default:
      return []
  }
}
