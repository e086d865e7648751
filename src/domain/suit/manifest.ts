import { equalBytes, toHex } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import type { CborKey, CborMap, CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { parseSuitDigest, readSuitDigest, suitDigest, encodeSuitDigest } from './digest.js'
import { describeNumber, manifestMembers } from './registry.js'
import { findDifference } from './template-difference.js'
import {
  fillSequence,
  templateCommon,
  templateComponents,
  templateMembers as member,
  templateSequences,
} from './template.js'
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

/** Parameters by their registered numbers. */
const parameter = { vendor: 1, klass: 2, digest: 3, size: 14, uri: 21 } as const

/** Where a device finds the payload, relative to the base that the poll answer gives. */
export const payloadUri = (imageSha256: Uint8Array): string => `payload/${toHex(imageSha256)}`

// Nothing in these two varies.
const validateBytes = encodeCbor(fillSequence(templateSequences.validate))
const invokeBytes = encodeCbor(fillSequence(templateSequences.invoke))

/** The members of the template, filled in. */
function membersOf(manifest: Manifest): CborMap {
  const values = new Map<CborKey, CborValue>()
    .set(parameter.vendor, manifest.vendorId)
    .set(parameter.klass, manifest.classId)
    .set(parameter.digest, encodeSuitDigest(manifest.imageSha256))
    .set(parameter.size, manifest.imageSizeBytes)
    .set(parameter.uri, payloadUri(manifest.imageSha256))
  const common = new Map<CborKey, CborValue>()
    .set(templateCommon.components, templateComponents)
    .set(templateCommon.shared, encodeCbor(fillSequence(templateSequences.shared, values)))
  return new Map<CborKey, CborValue>()
    .set(member.version, 1)
    .set(member.sequence, manifest.sequence)
    .set(member.common, encodeCbor(common))
    .set(member.setVersion, encodeCbor(versionToIntegers(manifest.version)))
    .set(member.validate, validateBytes)
    .set(member.invoke, invokeBytes)
    .set(member.install, encodeCbor(fillSequence(templateSequences.install, values)))
    .set(member.text, suitDigest(manifest.textSha256))
}

/** The manifest's bytes, as they are signed. @see docs/formats/suit-envelope.md */
export const encodeManifest = (manifest: Manifest): Uint8Array => encodeCbor(membersOf(manifest))

/**
 * Reads a manifest of exactly our template: every member, every command, in order.
 * First what varies is taken from its place; then the bytes must be the template filled with it.
 * @throws Refusal `MANIFEST_TEMPLATE` naming the member, command or parameter; `VERSION_MALFORMED`, or `CBOR_*`.
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const found = asMap(decodeCbor(bytes), 'manifest')
  const manifest = readVariables(found)
  if (!equalBytes(encodeManifest(manifest), bytes))
    throw findDifference(found) ?? valueDiffers(membersOf(manifest), found)
  return manifest
}

/** The first member with another value than the template, where everything else about it is right. */
function valueDiffers(expected: CborMap, found: CborMap): Refusal {
  const differing = [...expected].find(([key, value]) => {
    const offered = found.get(key)
    return offered === undefined || !equalBytes(encodeCbor(offered), encodeCbor(value))
  })
  return refuse(describeNumber('member', manifestMembers, differing?.[0]), 'differs from the template')
}

const refuse = (at: string, why: string): Refusal => new Refusal('MANIFEST_TEMPLATE', { at, why })

/** What a foreign manifest has in the place of a variable is not looked at: first it is said what makes it foreign. */
function readVariables(found: CborMap): Manifest {
  try {
    return readValues(found)
  } catch (error) {
    throw (error instanceof Refusal ? findDifference(found) : null) ?? error
  }
}

function readValues(found: CborMap): Manifest {
  const common = asMap(nested(found.get(member.common), 'common'), 'common')
  const shared = asArray(nested(common.get(templateCommon.shared), 'shared-sequence'), 'shared-sequence')
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
