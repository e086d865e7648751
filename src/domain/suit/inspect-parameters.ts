import { toHex } from '../bytes.js'
import type { CborMap, CborValue } from '../cbor/value.js'
import { formatUuid } from './identifiers.js'
import { inspectWrappedDigest } from './inspect-digest.js'
import { decodeInspected, requireList, toJson, type JsonValue } from './inspect-value.js'

/** One command of a sequence: its registered number and its argument. */
export interface InspectedCommand {
  readonly number: number
  readonly name: string | null
  readonly argument: JsonValue
}

const commandNames = new Map([
  [1, 'condition-vendor-identifier'],
  [2, 'condition-class-identifier'],
  [3, 'condition-image-match'],
  [4, 'condition-use-before'],
  [5, 'condition-component-slot'],
  [6, 'condition-check-content'],
  [7, 'condition-dependency-integrity'],
  [8, 'condition-is-dependency'],
  [11, 'directive-process-dependency'],
  [12, 'directive-set-component-index'],
  [14, 'condition-abort'],
  [15, 'directive-try-each'],
  [18, 'directive-write'],
  [19, 'directive-set-parameters'],
  [20, 'directive-override-parameters'],
  [21, 'directive-fetch'],
  [22, 'directive-copy'],
  [23, 'directive-invoke'],
  [24, 'condition-device-identifier'],
  [25, 'condition-image-not-match'],
  [26, 'condition-minimum-battery'],
  [27, 'condition-update-authorized'],
  [28, 'condition-version'],
  [29, 'directive-wait'],
  [31, 'directive-swap'],
  [32, 'directive-run-sequence'],
  [33, 'directive-unlink'],
  [34, 'directive-override-multiple'],
  [35, 'directive-copy-params'],
])

const parameterNames = new Map<unknown, string>([
  [1, 'vendorId'],
  [2, 'classId'],
  [3, 'imageDigest'],
  [4, 'useBefore'],
  [5, 'componentSlot'],
  [12, 'strictOrder'],
  [13, 'softFailure'],
  [14, 'imageSizeBytes'],
  [18, 'content'],
  [19, 'encryptionInfo'],
  [21, 'uri'],
  [22, 'sourceComponent'],
  [23, 'invokeArguments'],
  [24, 'deviceId'],
])
const SETS_PARAMETERS = new Set([19, 20])
const NESTED = 32
const TRY_EACH = 15

/** Reads a flat `code, argument, …` sequence; arguments of nested sequences are read likewise. */
export function inspectSequence(bytes: Uint8Array, at: string): InspectedCommand[] {
  const items = requireList(decodeInspected(bytes), at)
  const commands: InspectedCommand[] = []
  for (let index = 0; index < items.length; index += 2) {
    const number = Number(items[index])
    const argument = items[index + 1] ?? null
    commands.push({ number, name: commandNames.get(number) ?? null, argument: inspectArgument(number, argument, at) })
  }
  return commands
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

function inspectParameters(parameters: CborMap): JsonValue {
  const rows = [...parameters].map(([key, value]): [string, JsonValue] => [
    parameterNames.get(key) ?? (key instanceof Uint8Array ? toHex(key) : String(key)),
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
