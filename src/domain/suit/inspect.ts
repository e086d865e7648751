import { toHex } from '../bytes.js'
import { CborTag, type CborMap, type CborValue } from '../cbor/value.js'
import type { CoseKey } from '../cose/cose-key.js'
import { Refusal, type RefusalCode } from '../refusal.js'
import { SUIT_ENVELOPE_TAG } from './envelope.js'
import { inspectBlock, type InspectedBlock } from './inspect-block.js'
import { inspectDigest, inspectWrappedDigest, type InspectedDigest } from './inspect-digest.js'
import { inspectSequence, type InspectedCommand } from './inspect-parameters.js'
import {
  decodeInspected,
  notSuit,
  requireList,
  requireMap,
  requireWrapped,
  toJson,
  type JsonValue,
} from './inspect-value.js'
import { parseManifest } from './manifest.js'
import {
  commandSequences,
  commonMembers,
  componentTextMembers,
  describeNumber,
  envelopeMembers,
  findName,
  manifestMembers,
  textMembers,
  type Registry,
} from './registry.js'

/** What stands in an envelope, and which of its digests and signatures hold. Says nothing about acceptance. */
export interface InspectedEnvelope {
  readonly version: JsonValue
  readonly sequence: JsonValue
  /** The manifest's own digest, over the bstr-wrapped manifest. */
  readonly digest: InspectedDigest
  readonly components: readonly JsonValue[]
  /** Members that the manifest replaced by a digest; `matches` is null when such a member was left out. */
  readonly severed: readonly { readonly member: string; readonly present: boolean; readonly digest: InspectedDigest }[]
  readonly authentication: readonly InspectedBlock[]
  readonly sequences: Readonly<Record<string, readonly InspectedCommand[]>>
  readonly referenceUri: JsonValue
  readonly setVersion: JsonValue
  readonly text: JsonValue
  readonly integratedPayloads: readonly { readonly name: string; readonly sizeBytes: number }[]
  /** Members that are in no draft, by their numbers. */
  readonly unknownMembers: readonly string[]
  /** Whether the manifest is our template; if not, the first thing in it that the template does not admit. */
  readonly template: { readonly code: RefusalCode; readonly detail: JsonValue } | null
}

const COSWID = 14
const TEXT = 23
/** Members that a manifest may replace by a digest. */
const severable = [...commandSequences.keys(), COSWID, TEXT]

/**
 * Reads any envelope of draft-ietf-suit-manifest, ours or another's, as far as it is deterministic CBOR.
 * @param key checks every signature with this one key; null leaves `verifies` open.
 * @throws Refusal `CBOR_*`, `MANIFEST_TEMPLATE` naming the place, `ENVELOPE_BLOCK`.
 */
export function inspectEnvelope(bytes: Uint8Array, key: CoseKey | null): InspectedEnvelope {
  const envelope = decodeInspected(bytes)
  if (!(envelope instanceof CborTag) || envelope.tag !== SUIT_ENVELOPE_TAG) throw notSuit('envelope', 'no tag 107')
  const members = requireMap(envelope.value, 'envelope')
  const manifestBytes = requireWrapped(members.get(3), 'manifest')
  const manifest = requireMap(decodeInspected(manifestBytes), 'manifest')
  const [digest, ...blocks] = requireList(
    decodeInspected(requireWrapped(members.get(2), 'authentication-wrapper')),
    'authentication-wrapper',
  )
  const signed = requireWrapped(digest, 'authentication-wrapper')
  const common = requireMap(decodeInspected(requireWrapped(manifest.get(3), 'common')), 'common')
  return {
    version: toJson(manifest.get(1) ?? null),
    sequence: toJson(manifest.get(2) ?? null),
    digest: inspectWrappedDigest(signed, manifestBytes, 'authentication-wrapper'),
    components: requireList(common.get(2) ?? [], 'components').map(toJson),
    severed: inspectSevered(manifest, members),
    authentication: blocks.flatMap((block) => inspectBlock(requireWrapped(block, 'authentication block'), signed, key)),
    sequences: inspectSequences(common, manifest, members),
    referenceUri: toJson(manifest.get(4) ?? null),
    setVersion: inspectSetVersion(manifest.get(6)),
    text: inspectText(manifest.get(TEXT), members.get(TEXT)),
    integratedPayloads: [...members].flatMap(([name, value]) =>
      typeof name === 'string' && value instanceof Uint8Array ? [{ name, sizeBytes: value.length }] : [],
    ),
    unknownMembers: [
      ...unknownIn('envelope', envelopeMembers, members),
      ...unknownIn('manifest', manifestMembers, manifest),
      ...unknownIn('common', commonMembers, common),
    ],
    template: findForeign(manifestBytes),
  }
}

/** Integrated payloads have names, so a text is nothing unknown. */
const unknownIn = (at: string, registry: Registry, map: CborMap): string[] =>
  [...map.keys()]
    .filter((key) => typeof key !== 'string' && findName(registry, key) === null)
    .map((key) => `${at}: ${describeNumber('member', registry, key)}`)

function findForeign(manifest: Uint8Array): InspectedEnvelope['template'] {
  try {
    parseManifest(manifest)
    return null
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { code: error.code, detail: { ...error.detail } as JsonValue }
  }
}

/** An array in the place of a byte string is the digest of a severed member. */
function inspectSevered(manifest: CborMap, members: CborMap): InspectedEnvelope['severed'] {
  return severable.flatMap((number) => {
    const member = manifestMembers.get(number) ?? String(number)
    const value = manifest.get(number)
    if (!Array.isArray(value)) return []
    const found = members.get(number)
    const content = found instanceof Uint8Array ? found : null
    return [{ member, present: content !== null, digest: inspectDigest(value, content, member) }]
  })
}

function inspectSequences(common: CborMap, manifest: CborMap, members: CborMap): Record<string, InspectedCommand[]> {
  const rows: [string, InspectedCommand[]][] = []
  const shared = common.get(4)
  if (shared !== undefined) rows.push(['shared', inspectSequence(requireWrapped(shared, 'shared'), 'shared')])
  for (const [number, name] of commandSequences) {
    const inline = manifest.get(number)
    const bytes = inline instanceof Uint8Array ? inline : inline === undefined ? undefined : members.get(number)
    if (bytes instanceof Uint8Array) rows.push([name, inspectSequence(bytes, name)])
  }
  return Object.fromEntries(rows)
}

const inspectSetVersion = (value: CborValue | undefined): JsonValue =>
  value instanceof Uint8Array ? toJson(decodeInspected(value)) : null

/** Text by language; a component's key is shown as its path. */
function inspectText(inline: CborValue | undefined, severed: CborValue | undefined): JsonValue {
  const bytes = inline instanceof Uint8Array ? inline : severed
  if (!(bytes instanceof Uint8Array)) return null
  const languages = requireMap(decodeInspected(bytes), 'text')
  return Object.fromEntries(
    [...languages].map(([language, entries]) => [String(language), inspectLanguage(requireMap(entries, 'text'))]),
  )
}

function inspectLanguage(entries: CborMap): JsonValue {
  return Object.fromEntries(
    [...entries].map(([key, value]): [string, JsonValue] =>
      key instanceof Uint8Array
        ? [componentPath(key), named(componentTextMembers, value)]
        : [findName(textMembers, key) ?? String(key), toJson(value)],
    ),
  )
}

const named = (registry: Registry, value: CborValue): JsonValue =>
  value instanceof Map
    ? Object.fromEntries(
        [...(value as CborMap)].map(([key, text]) => [findName(registry, key) ?? String(key), toJson(text)]),
      )
    : toJson(value)

const componentPath = (key: Uint8Array): string =>
  requireList(decodeInspected(key), 'text component')
    .map((part) => (part instanceof Uint8Array ? toHex(part) : JSON.stringify(toJson(part))))
    .join('/')
