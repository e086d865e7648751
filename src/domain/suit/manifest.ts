import { equalBytes, toHex } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborMap, type CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { parseSuitDigest, readSuitDigest, suitDigest, encodeSuitDigest } from './digest.js'
import { versionFromIntegers, versionToIntegers } from './version.js'

/** Everything that varies in a manifest of our profile; the rest of its bytes is the template. */
export interface Manifest {
  /** 1 ≤ n ≤ 2^53−1. */
  readonly sequence: number
  /** 16 bytes each. */
  readonly vendorId: Uint8Array
  readonly classId: Uint8Array
  /** 32 bytes. */
  readonly imageSha256: Uint8Array
  readonly imageSizeBytes: number
  readonly version: string
  /** Digest of the bstr-wrapped text member, 32 bytes. */
  readonly textSha256: Uint8Array
}

// Members of the manifest and commands, by their registered numbers.
const member = {
  version: 1,
  sequence: 2,
  common: 3,
  setVersion: 6,
  validate: 7,
  invoke: 9,
  install: 20,
  text: 23,
} as const
const command = { vendor: 1, klass: 2, imageMatch: 3, override: 20, fetch: 21, invoke: 23 } as const
const parameter = { vendor: 1, klass: 2, digest: 3, size: 14, uri: 21 } as const
/** Reporting policies: conditions record everything, fetch and invoke record on failure. */
const CONDITION = 15
const DIRECTIVE = 2

/** Where a device finds the payload, relative to the base that the poll answer gives. */
export const payloadUri = (imageSha256: Uint8Array): string => `payload/${toHex(imageSha256)}`

/** The members of the template, filled in. Order within command sequences is part of the template. */
function membersOf(manifest: Manifest): CborMap {
  const parameters = cborMap([
    [parameter.vendor, manifest.vendorId],
    [parameter.klass, manifest.classId],
    [parameter.digest, encodeSuitDigest(manifest.imageSha256)],
    [parameter.size, manifest.imageSizeBytes],
  ])
  const shared = [command.override, parameters, command.vendor, CONDITION, command.klass, CONDITION]
  const location = cborMap([[parameter.uri, payloadUri(manifest.imageSha256)]])
  const install = [command.override, location, command.fetch, DIRECTIVE, command.imageMatch, CONDITION]
  const common = cborMap([
    [2, [[Uint8Array.of(0)]]],
    [4, encodeCbor(shared)],
  ])
  return cborMap([
    [member.version, 1],
    [member.sequence, manifest.sequence],
    [member.common, encodeCbor(common)],
    [member.setVersion, encodeCbor(versionToIntegers(manifest.version))],
    [member.validate, encodeCbor([command.imageMatch, CONDITION])],
    [member.invoke, encodeCbor([command.invoke, DIRECTIVE])],
    [member.install, encodeCbor(install)],
    [member.text, suitDigest(manifest.textSha256)],
  ])
}

/** The manifest's bytes, as they are signed. @see docs/formats/suit-envelope.md */
export const encodeManifest = (manifest: Manifest): Uint8Array => encodeCbor(membersOf(manifest))

/**
 * Reads a manifest of exactly our template: every member, every command, in order.
 * First what varies is taken from its place; then each member must be, byte for byte, the template filled with it.
 * @throws Refusal `MANIFEST_TEMPLATE` naming the member, `VERSION_MALFORMED`, or `CBOR_*`.
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const found = asMap(decodeCbor(bytes), 'manifest')
  const manifest = readVariables(found)
  const expected = membersOf(manifest)
  if (!equalBytes(encodeCbor(expected), bytes)) throw differenceOf(expected, found)
  return manifest
}

/** Names the first member that is not as the template has it. */
function differenceOf(expected: CborMap, found: CborMap): Refusal {
  for (const [key, value] of expected) {
    const offered = found.get(key)
    if (offered === undefined || !equalBytes(encodeCbor(offered), encodeCbor(value)))
      return refuse(`member ${String(key)}`, 'differs from the template')
  }
  const extra = [...found.keys()].find((key) => !expected.has(key))
  return refuse(`member ${String(extra)}`, 'not in the template')
}

const refuse = (at: string, why: string): Refusal => new Refusal('MANIFEST_TEMPLATE', { at, why })

function readVariables(found: CborMap): Manifest {
  const common = asMap(nested(found.get(member.common), 'common'), 'common')
  const shared = asArray(nested(common.get(4), 'shared-sequence'), 'shared-sequence')
  const parameters = asMap(shared[1], 'shared parameters')
  const integers = asArray(nested(found.get(member.setVersion), 'set-version'), 'set-version')
  const sequence = asInteger(found.get(member.sequence), 'sequence-number')
  if (sequence < 1) throw refuse('sequence-number', 'not positive')
  return {
    sequence,
    vendorId: asBytes(parameters.get(parameter.vendor), 16, 'vendor-id'),
    classId: asBytes(parameters.get(parameter.klass), 16, 'class-id'),
    imageSha256: parseSuitDigest(asBytes(parameters.get(parameter.digest), 36, 'image-digest'), 'image-digest'),
    imageSizeBytes: asInteger(parameters.get(parameter.size), 'image-size'),
    version: versionFromIntegers(integers.map((part) => asSigned(part, 'set-version'))),
    textSha256: readSuitDigest(found.get(member.text), 'text'),
  }
}

function nested(value: CborValue | undefined, at: string): CborValue {
  if (!(value instanceof Uint8Array)) throw refuse(at, 'missing or not a byte string')
  return decodeCbor(value)
}

function asMap(value: CborValue | undefined, at: string): CborMap {
  if (!(value instanceof Map)) throw refuse(at, 'missing or not a map')
  return value
}

function asArray(value: CborValue | undefined, at: string): readonly CborValue[] {
  if (!Array.isArray(value)) throw refuse(at, 'missing or not an array')
  return value as readonly CborValue[]
}

function asBytes(value: CborValue | undefined, length: number, at: string): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) throw refuse(at, `not ${length} bytes`)
  return value
}

function asSigned(value: CborValue | undefined, at: string): number {
  if (typeof value !== 'number') throw refuse(at, 'not an integer')
  return value
}

function asInteger(value: CborValue | undefined, at: string): number {
  const integer = asSigned(value, at)
  if (integer < 0) throw refuse(at, 'negative')
  return integer
}
