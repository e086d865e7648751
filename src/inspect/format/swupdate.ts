import { createHash } from 'node:crypto'
import { isCms, judgeCms, parseCms } from '../cms.js'
import { ByteSum, isCpio, readCpio, type CpioEntry } from '../container/cpio.js'
import { isGroup, readLibconfig, type Setting, type SettingGroup } from '../container/libconfig.js'
import { feed, sha256Digest } from '../digests.js'
import type { EmbeddedSignature, FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import type { Reader } from '../reader.js'
import { judgeSignature } from '../signed-by.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'
import { readJson } from '../container/json.js'
import { describeSoftware, textOf } from './swupdate-software.js'

// SWUpdate, "SWUpdate: syntax and tags with the default parser" and "Update images from verified source".
const DESCRIPTION = 'sw-description'
const SIGNATURE = 'sw-description.sig'
const DESCRIPTION_LIMIT_BYTES = 1_048_576
const MOST_GROUPS = 4_096

export const swupdate: FormatReader = {
  format: 'swupdate',
  recognises: (reader) =>
    isCpio(reader) && documentText(reader.bytes(110, DESCRIPTION.length + 1)) === `${DESCRIPTION}\0`,
  async inspect(inspection: Inspection): Promise<void> {
    const { reader, draft } = inspection
    const entries = readCpio(reader)
    const description = contentOf(reader, entries, DESCRIPTION)
    if (description === null) throw new Unreadable(`it has no ${DESCRIPTION}`)
    const software = readSoftware(documentText(description))
    describeSoftware(software, draft)
    const signature = contentOf(reader, entries, SIGNATURE)
    if (signature !== null) draft.signature(await judge(inspection, description, signature))
    if (signature !== null && entries[1]?.name !== SIGNATURE)
      draft.fault(`${SIGNATURE} is not right behind what it signs`)
    checkFiles(reader, entries, statedHashes(software, signature !== null, draft), draft)
  },
}

function contentOf(reader: Reader, entries: readonly CpioEntry[], name: string): Uint8Array | null {
  const entry = entries.find((each) => each.name === name)
  if (entry === undefined) return null
  if (entry.bytes > DESCRIPTION_LIMIT_BYTES) throw new Unreadable(`${name} claims ${entry.bytes} bytes`)
  return reader.bytes(entry.at, entry.bytes)
}

function readSoftware(text: string): SettingGroup {
  const document = text.trimStart().startsWith('{') ? readJson(text, DESCRIPTION) : readLibconfig(text)
  const software = isGroup(document) ? document.get('software') : undefined
  if (!isGroup(software)) throw new Unreadable('its description has no group "software"')
  return software
}

async function judge(
  { keys, now }: Inspection,
  description: Uint8Array,
  signature: Uint8Array,
): Promise<EmbeddedSignature> {
  const rsa = keys.ofType('rsa')
  if (!isCms(signature)) {
    const plain = judgeSignature('rsa-pkcs1 sha256', 'sha256', description, signature, rsa)
    if (plain.state === 'verified') return plain
    const pss = judgeSignature('rsa-pss sha256', 'sha256', description, signature, rsa, { padding: 6, saltLength: -2 })
    return pss.state === 'verified' ? pss : plain
  }
  const cms = parseCms(signature)
  const digests = new Map(cms.hashes.map((name) => [name, createHash(name).update(description).digest()]))
  if (cms.content !== null) return { state: 'invalid', algorithm: 'cms', why: 'it brings a content of its own' }
  return judgeCms(cms, digests, keys, now)
}

/** Every file that the description names, with the hash it has to have. A signed description has to name them all. */
function statedHashes(
  software: SettingGroup,
  isSigned: boolean,
  draft: FindingsDraft,
): ReadonlyMap<string, string | null> {
  const stated = new Map<string, string | null>()
  for (const group of groupsIn(software)) {
    const name = textOf(group.get('filename'))
    if (name === '') continue
    const sha256 = textOf(group.get('sha256')).toLowerCase()
    if (sha256 === '' && isSigned) draft.fault(`it is signed, and says no sha256 of ${name}`)
    const before = stated.get(name)
    if (before !== undefined && before !== null && sha256 !== '' && before !== sha256)
      draft.fault(`it says two sha256 of ${name}`)
    stated.set(name, sha256 === '' ? (before ?? null) : sha256)
  }
  return stated
}

function* groupsIn(root: Setting): Generator<SettingGroup> {
  const open: Setting[] = [root]
  for (let count = 0; open.length > 0; count += 1) {
    if (count > MOST_GROUPS * 16) throw new Unreadable('its description has too many groups')
    const setting = open.pop()
    if (isGroup(setting)) {
      yield setting
      open.push(...setting.values())
    } else if (Array.isArray(setting)) open.push(...(setting as readonly Setting[]))
  }
}

function checkFiles(
  reader: Reader,
  entries: readonly CpioEntry[],
  stated: ReadonlyMap<string, string | null>,
  draft: FindingsDraft,
): void {
  for (const entry of entries) {
    const [digest, sum] = [sha256Digest(), new ByteSum()]
    const sha256 = stated.get(entry.name) ?? null
    feed(reader.chunks(entry.at, entry.bytes), [
      ...(sha256 === null ? [] : [digest]),
      ...(entry.sum === null ? [] : [sum]),
    ])
    if (entry.sum !== null) draft.requireSame(`sum of ${entry.name}`, String(entry.sum), String(sum.value()))
    if (sha256 !== null) draft.requireSame(`sha256 of ${entry.name}`, sha256, digest.hex())
    if (entry.name === DESCRIPTION || entry.name === SIGNATURE) continue
    draft.fact(`${entry.name} bytes`, entry.bytes)
    if (!stated.has(entry.name)) draft.fact(`${entry.name}`, 'not named in the description')
  }
  for (const name of stated.keys())
    if (!entries.some((entry) => entry.name === name)) draft.fault(`${name} is named in the description and not there`)
}
