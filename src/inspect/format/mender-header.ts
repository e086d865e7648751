import { foldCase } from '../container/json.js'
import { isGroup, type Setting } from '../container/libconfig.js'
import type { FindingsDraft } from '../findings.js'
import { Unreadable } from '../unreadable.js'

/** What `header-info` and the `type-info` of each payload say. */
export interface MenderHeader {
  info: Setting | null
  readonly types: Setting[]
}

export function describeHeader({ info, types }: MenderHeader, draft: FindingsDraft): void {
  if (info === null) return
  const provides = member(info, 'artifact_provides')
  const depends = member(info, 'artifact_depends')
  const name = textOf(member(provides, 'artifact_name'))
  draft.fact('artifactName', name)
  draft.fact('artifactGroup', textOf(member(provides, 'artifact_group')))
  draft.version(name)
  const devices = textsOf(member(depends, 'device_type'))
  if (devices.length === 0) draft.fault('its header names no device type')
  draft.target('product', devices)
  const payloads = member(info, 'payloads')
  const kinds = Array.isArray(payloads)
    ? (payloads as readonly Setting[]).map((each) => textOf(member(each, 'type')))
    : []
  draft.fact('payloads', kinds.join(', '))
  const versions = new Set(types.flatMap((type) => describePayload(type, draft)))
  if (versions.size > 0) draft.version([...versions][0] ?? '')
  if (versions.size > 1) draft.fault(`its payloads are of more than one version: ${[...versions].join(', ')}`)
}

/** A payload says its own version as `rootfs-image.version`, or that of another part; it is more than a name. */
function describePayload(type: Setting, draft: FindingsDraft): string[] {
  const provides = member(type, 'artifact_provides')
  if (!isGroup(provides)) return []
  for (const [key, value] of provides) draft.fact(key, textOf(value))
  return [textOf(provides.get('rootfs-image.version'))].filter((text) => text !== '')
}

/** @throws Unreadable for a name in another case: tools in Go take it for this one, others do not. */
function member(setting: Setting | null | undefined, name: string): Setting | undefined {
  if (!isGroup(setting ?? undefined)) return undefined
  const group = setting as ReadonlyMap<string, Setting>
  const other = [...group.keys()].find((each) => each !== name && foldCase(each) === name)
  if (other !== undefined) throw new Unreadable(`its header says "${other}" for "${name}"`)
  return group.get(name)
}
const textOf = (setting: Setting | undefined): string => (typeof setting === 'string' ? setting : '')
const textsOf = (setting: Setting | undefined): string[] =>
  Array.isArray(setting) ? (setting as readonly Setting[]).map(textOf) : []
