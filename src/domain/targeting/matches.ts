import { Refusal } from '../refusal.js'
import type { DeviceFacts, Field } from './fields.js'
import type { Comparison, Filter } from './filter.js'
import { NUMBER } from './tokens.js'
import { compareVersionKeys, versionKeyOf, type VersionKey } from './version-key.js'

/** Whether the device fits the filter. What is not known of a device fits no comparison with it. */
export function matches(filter: Filter, device: DeviceFacts): boolean {
  switch (filter.kind) {
    case 'all':
      return true
    case 'and':
      return filter.filters.every((each) => matches(each, device))
    case 'or':
      return filter.filters.some((each) => matches(each, device))
    case 'not':
      return !matches(filter.filter, device)
    case 'tag':
      return device.tags.has(filter.name)
    case 'group':
      return device.groups.has(filter.name)
    case 'has':
      return device.attributes.has(filter.attribute)
    case 'text':
      return filter.values.includes(factOf(filter.field, device) as string)
    case 'number':
    case 'version': {
      const difference = differenceOf(filter, factOf(filter.field, device))
      return difference !== null && holds(filter.is, difference)
    }
  }
}

/** Below 0 when the device's is less than the filter's; null when it is none that compares. */
function differenceOf(
  filter: Extract<Filter, { kind: 'number' | 'version' }>,
  fact: string | number | null,
): number | null {
  if (filter.kind === 'number') {
    const value = numberIn(fact)
    return value === null ? null : value - filter.value
  }
  const key = versionIn(fact)
  return key === null ? null : compareVersionKeys(key, filter.value)
}

const factOf = ({ kind, name }: Field, device: DeviceFacts): string | number | null =>
  kind === 'attribute' ? (device.attributes.get(name) ?? null) : device[name]

function numberIn(fact: string | number | null): number | null {
  if (typeof fact === 'number' || fact === null) return fact
  return NUMBER.test(fact) ? Number(fact) : null
}

function versionIn(fact: string | number | null): VersionKey | null {
  if (typeof fact !== 'string') return null
  try {
    return versionKeyOf(fact)
  } catch (error) {
    if (error instanceof Refusal) return null
    throw error
  }
}

function holds(is: Comparison, difference: number): boolean {
  switch (is) {
    case '<':
      return difference < 0
    case '<=':
      return difference <= 0
    case '=':
      return difference === 0
    case '>=':
      return difference >= 0
    case '>':
      return difference > 0
  }
}
