import { toHex } from '../bytes.js'
import type { CborMap, CborValue } from '../cbor/value.js'
import { formatUuid } from './identifiers.js'
import { inspectWrappedDigest } from './inspect-digest.js'
import { decodeInspected, notSuit, requireList, toJson, type JsonValue } from './inspect-value.js'
import { commands, findName, parameters } from './registry.js'

/** One command of a sequence: its registered number and its argument. */
export interface InspectedCommand {
  readonly number: number
  readonly name: string | null
  readonly argument: JsonValue
}

const SETS_PARAMETERS = new Set([19, 20])
const SETS_MANY = 34
const NESTED = 32
const TRY_EACH = 15
/** Sequences in sequences: each is a byte string of its own, so the decoder's depth does not count them. */
const MAX_NESTED = 16

/**
 * Reads a flat `code, argument, …` sequence; arguments of nested sequences are read likewise.
 * @param depth of this sequence in others.
 */
export function inspectSequence(bytes: Uint8Array, at: string, depth = 1): InspectedCommand[] {
  if (depth > MAX_NESTED) throw notSuit(at, `sequences nested more than ${MAX_NESTED} deep`)
  const items = requireList(decodeInspected(bytes), at)
  const inspected: InspectedCommand[] = []
  for (let index = 0; index < items.length; index += 2) {
    const number = Number(items[index])
    const argument = items[index + 1] ?? null
    inspected.push({ number, name: findName(commands, number), argument: inspectArgument(number, argument, at, depth) })
  }
  return inspected
}

function inspectArgument(number: number, argument: CborValue, at: string, depth: number): JsonValue {
  if (SETS_PARAMETERS.has(number) && argument instanceof Map) return inspectParameters(argument)
  if (number === SETS_MANY && argument instanceof Map) return inspectManyParameters(argument)
  const nested = (bytes: Uint8Array): JsonValue =>
    inspectSequence(bytes, at, depth + 1).map((command) => ({ ...command }))
  if (number === NESTED && argument instanceof Uint8Array) return nested(argument)
  if (number === TRY_EACH && Array.isArray(argument))
    return (argument as readonly CborValue[]).map((one) => (one instanceof Uint8Array ? nested(one) : toJson(one)))
  return toJson(argument)
}

/** Parameters by the index of the component they are for. */
const inspectManyParameters = (values: CborMap): JsonValue =>
  Object.fromEntries(
    [...values].map(([index, one]) => [String(index), one instanceof Map ? inspectParameters(one) : toJson(one)]),
  )

function inspectParameters(values: CborMap): JsonValue {
  const rows = [...values].map(([key, value]): [string, JsonValue] => [
    findName(parameters, key) ?? (key instanceof Uint8Array ? toHex(key) : String(key)),
    parameterToJson(key, value),
  ])
  return Object.fromEntries(rows)
}

function parameterToJson(key: unknown, value: CborValue): JsonValue {
  if ((key === 1 || key === 2) && value instanceof Uint8Array && value.length === 16) return formatUuid(value)
  if (key !== 3) return toJson(value)
  const { algorithm, claimed } = inspectWrappedDigest(value, null, 'image-digest')
  return { algorithm: { ...algorithm }, claimed }
}
