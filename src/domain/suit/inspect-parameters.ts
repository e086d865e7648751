import { toHex } from '../bytes.js'
import type { CborMap, CborValue } from '../cbor/value.js'
import { formatUuid } from './identifiers.js'
import { inspectWrappedDigest } from './inspect-digest.js'
import { decodeInspected, requireList, toJson, type JsonValue } from './inspect-value.js'
import { commands, findName, parameters } from './registry.js'

/** One command of a sequence: its registered number and its argument. */
export interface InspectedCommand {
  readonly number: number
  readonly name: string | null
  readonly argument: JsonValue
}

const SETS_PARAMETERS = new Set([19, 20])
const NESTED = 32
const TRY_EACH = 15

/** Reads a flat `code, argument, …` sequence; arguments of nested sequences are read likewise. */
export function inspectSequence(bytes: Uint8Array, at: string): InspectedCommand[] {
  const items = requireList(decodeInspected(bytes), at)
  const inspected: InspectedCommand[] = []
  for (let index = 0; index < items.length; index += 2) {
    const number = Number(items[index])
    const argument = items[index + 1] ?? null
    inspected.push({ number, name: findName(commands, number), argument: inspectArgument(number, argument, at) })
  }
  return inspected
}

function inspectArgument(number: number, argument: CborValue, at: string): JsonValue {
  if (SETS_PARAMETERS.has(number) && argument instanceof Map) return inspectParameters(argument)
  if (number === NESTED && argument instanceof Uint8Array) return nested(argument, at)
  if (number === TRY_EACH && Array.isArray(argument))
    return (argument as readonly CborValue[]).map((one) => (one instanceof Uint8Array ? nested(one, at) : toJson(one)))
  return toJson(argument)
}

const nested = (bytes: Uint8Array, at: string): JsonValue =>
  inspectSequence(bytes, at).map((command) => ({ ...command }))

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
