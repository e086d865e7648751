import { isGroup, type Setting, type SettingGroup } from '../container/libconfig.js'
import type { FindingsDraft } from '../findings.js'
import { Unreadable } from '../unreadable.js'

const MOST_GROUPS = 256
const HARDWARE = 'hardware-compatibility'

/**
 * What the description says of itself. SWUpdate reads each setting where the device leads it: below `software` by board, by
 * selection and mode, by all three, or right there, the most specific first. We do not know the device, so all have to agree.
 */
export function describeSoftware(software: SettingGroup, draft: FindingsDraft): void {
  const groups = reachedGroups(software)
  const versions = new Set(groups.flatMap((group) => versionOf(group, draft)))
  draft.version([...versions][0] ?? '')
  if (versions.size > 1) draft.fault(`it has another version for another device: ${[...versions].join(', ')}`)
  draft.fact('name', textOf(software.get('name')))
  draft.fact('description', textOf(software.get('description')))
  const hardware = [...new Set(groups.flatMap((group) => textsOf(group.get(HARDWARE))))]
  draft.fact('hardwareCompatibility', hardware.join(', '))
  // A regular expression of a stranger is shown and never run.
  const revisions = hardware.filter((text) => !text.startsWith('#RE:'))
  const boards = [...software].filter(([, value]) => isGroup(value) && !isSelection(value)).map(([name]) => name)
  draft.target('product', boards.length > 0 ? boards : revisions)
}

/** Groups that are reached by names alone; what stands in lists is what to install, with versions of its own. */
function reachedGroups(software: SettingGroup): SettingGroup[] {
  const groups = [software]
  for (const group of groups) {
    groups.push(...[...group.values()].filter(isGroup))
    if (groups.length > MOST_GROUPS) throw new Unreadable('its description has too many groups')
  }
  return groups
}

/**
 * `software.stable.copy1` is a selection and its mode on every board; a board holds what to install, says which hardware it is,
 * or has selections of its own, a level deeper.
 */
function isSelection(group: SettingGroup): boolean {
  const values = [...group.values()]
  const modes = values.filter(isGroup)
  const isFlat = modes.every((mode) => ![...mode.values()].some(isGroup))
  return modes.length > 0 && isFlat && !group.has('ref') && !values.some((value) => Array.isArray(value))
}

function versionOf(group: SettingGroup, draft: FindingsDraft): string[] {
  const version = group.get('version')
  if (version !== undefined && typeof version !== 'string') draft.fault('a version in its description is no text')
  return typeof version === 'string' ? [version] : []
}

export const textOf = (setting: Setting | undefined): string => (typeof setting === 'string' ? setting : '')
const textsOf = (setting: Setting | undefined): string[] =>
  Array.isArray(setting) ? (setting as readonly Setting[]).map(textOf).filter((text) => text !== '') : []
