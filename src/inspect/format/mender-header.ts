import { isGroup, type Setting } from '../container/libconfig.js'
import type { FindingsDraft } from '../findings.js'

/** What `header-info` and the `type-info` of each payload say. */
export interface MenderHeader {
  info: Setting | null
  readonly types: Setting[]
}

export function describeHeader({ info, types }: MenderHeader, draft: FindingsDraft): void {
  if (!isGroup(info ?? undefined)) return
  const provides = member(info, 'artifact_provides')
  const depends = member(info, 'artifact_depends')
  const name = textOf(member(provides, 'artifact_name'))
  draft.fact('artifactName', name)
  draft.fact('artifactGroup', textOf(member(provides, 'artifact_group')))
  draft.version(name)
  draft.target('product', textsOf(member(depends, 'device_type')))
  const payloads = member(info, 'payloads')
  const kinds = Array.isArray(payloads)
    ? (payloads as readonly Setting[]).map((each) => textOf(member(each, 'type')))
    : []
  draft.fact('payloads', kinds.join(', '))
  for (const type of types) describePayload(type, draft)
}

/** A payload says its own version as `rootfs-image.version`, or that of another part; it is more than a name. */
function describePayload(type: Setting, draft: FindingsDraft): void {
  const provides = member(type, 'artifact_provides')
  if (!isGroup(provides)) return
  for (const [key, value] of provides) {
    draft.fact(key, textOf(value))
    if (key === 'rootfs-image.version') draft.version(textOf(value))
  }
}

const member = (setting: Setting | null | undefined, name: string): Setting | undefined =>
  isGroup(setting ?? undefined) ? (setting as ReadonlyMap<string, Setting>).get(name) : undefined
const textOf = (setting: Setting | undefined): string => (typeof setting === 'string' ? setting : '')
const textsOf = (setting: Setting | undefined): string[] =>
  Array.isArray(setting) ? (setting as readonly Setting[]).map(textOf) : []
