import { equalBytes } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import type { CborMap, CborValue } from '../cbor/value.js'
import { Refusal } from '../refusal.js'
import { commands, commonMembers, describeNumber, manifestMembers, parameters } from './registry.js'
import {
  templateCommon,
  templateComponents,
  templateMembers,
  templateSequences,
  type TemplateCommand,
} from './template.js'

const refuse = (at: string, why: string): Refusal => new Refusal('MANIFEST_TEMPLATE', { at, why })
const NOT_ADMITTED = 'not in the template'

/**
 * Reads a manifest that is not the template and names the first thing that the template does not admit, by the number and
 * name it has in the drafts; null when every member, command and parameter is as it should be, so that only values differ.
 */
export function findDifference(found: CborMap): Refusal | null {
  return (
    membersDiffer(found, Object.values(templateMembers), (key) => describeNumber('member', manifestMembers, key)) ??
    commonDiffers(found.get(templateMembers.common)) ??
    sequenceDiffers('validate', found.get(templateMembers.validate), templateSequences.validate) ??
    sequenceDiffers('invoke', found.get(templateMembers.invoke), templateSequences.invoke) ??
    sequenceDiffers('install', found.get(templateMembers.install), templateSequences.install)
  )
}

/** Foreign ones first: what somebody added says more than what they left out. */
function membersDiffer(found: CborMap, wanted: readonly number[], nameOf: (key: unknown) => string): Refusal | null {
  for (const key of found.keys())
    if (!(wanted as readonly unknown[]).includes(key)) return refuse(nameOf(key), NOT_ADMITTED)
  const missing = wanted.find((key) => !found.has(key))
  return missing === undefined ? null : refuse(nameOf(missing), 'missing')
}

function commonDiffers(value: CborValue | undefined): Refusal | null {
  if (!(value instanceof Uint8Array)) return refuse('common', 'not a byte string')
  const common = decodeCbor(value)
  if (!(common instanceof Map)) return refuse('common', 'not a map')
  const found: CborMap = common
  const nameOf = (key: unknown): string => `common: ${describeNumber('member', commonMembers, key)}`
  const foreign = membersDiffer(found, Object.values(templateCommon), nameOf)
  if (foreign !== null) return foreign
  const components = encodeCbor(found.get(templateCommon.components) ?? null)
  if (!equalBytes(components, encodeCbor(templateComponents)))
    return refuse(nameOf(templateCommon.components), 'not the one component [00]')
  return sequenceDiffers('shared-sequence', found.get(templateCommon.shared), templateSequences.shared)
}

function sequenceDiffers(at: string, value: CborValue | undefined, wanted: readonly TemplateCommand[]): Refusal | null {
  // An array in the place of a byte string is the digest of a severed member.
  if (!(value instanceof Uint8Array)) return refuse(at, Array.isArray(value) ? 'severed' : 'not a byte string')
  const items = decodeCbor(value)
  if (!Array.isArray(items)) return refuse(at, 'not an array of commands')
  const list = items as readonly CborValue[]
  const nameOf = (command: unknown): string => `${at}: ${describeNumber('command', commands, command)}`
  for (let index = 0; index * 2 < list.length; index += 1) {
    const command = list[index * 2]
    const row = wanted[index]
    if (row === undefined || command !== row[0]) {
      const isKnown = wanted.some(([known]) => known === command)
      return refuse(nameOf(command), isKnown ? 'not in its place' : NOT_ADMITTED)
    }
    const difference = argumentDiffers(at, nameOf(command), list[index * 2 + 1], row[1])
    if (difference !== null) return difference
  }
  const missing = wanted[list.length / 2]
  return missing === undefined ? null : refuse(nameOf(missing[0]), 'missing')
}

function argumentDiffers(
  at: string,
  name: string,
  argument: CborValue | undefined,
  wanted: number | readonly number[],
): Refusal | null {
  if (typeof wanted === 'number') return argument === wanted ? null : refuse(name, `reporting policy is not ${wanted}`)
  if (!(argument instanceof Map)) return refuse(name, 'not a map of parameters')
  return membersDiffer(argument, wanted, (key) => `${at}: ${describeNumber('parameter', parameters, key)}`)
}
