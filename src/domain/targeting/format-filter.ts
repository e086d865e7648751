import type { Field } from './fields.js'
import type { Filter } from './filter.js'
import { versionOfKey } from './version-key.js'

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
const fieldText = ({ kind, name }: Field): string => (kind === 'column' ? name : quoted(name))

/** A filter as text that `parseFilter` reads as the same filter. */
export function formatFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return 'all'
    case 'and':
    case 'or':
      return filter.filters.map(bracketed).join(` ${filter.kind} `)
    case 'not':
      return `not ${bracketed(filter.filter)}`
    case 'tag':
    case 'group':
      return `${filter.kind} ${quoted(filter.name)}`
    case 'has':
      return `has ${quoted(filter.attribute)}`
    case 'text': {
      const values = filter.values.map(quoted)
      return values.length === 1
        ? `${fieldText(filter.field)} = ${values.join()}`
        : `${fieldText(filter.field)} in (${values.join(', ')})`
    }
    case 'number':
      return `${fieldText(filter.field)} ${filter.is} ${filter.value}`
    case 'version':
      return `${fieldText(filter.field)} ${filter.is} ${versionOfKey(filter.value)}`
  }
}

const bracketed = (filter: Filter): string =>
  filter.kind === 'and' || filter.kind === 'or' ? `(${formatFilter(filter)})` : formatFilter(filter)
