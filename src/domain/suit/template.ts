import type { CborKey, CborMap, CborValue } from '../cbor/value.js'

/** Reporting policies: conditions record everything, fetch and invoke record on failure. */
const CONDITION = 15
const DIRECTIVE = 2

/** One command of the template: with its reporting policy, or with the parameters that it sets. */
export type TemplateCommand =
  readonly [command: number, reportingPolicy: number] | readonly [command: number, parameters: readonly number[]]

const OVERRIDE = 20

/** The command sequences of our manifests, in order; what varies are the values of the parameters. @see docs/formats/suit-envelope.md */
export const templateSequences = {
  shared: [
    [OVERRIDE, [1, 2, 3, 14]],
    [1, CONDITION],
    [2, CONDITION],
  ],
  validate: [[3, CONDITION]],
  invoke: [[23, DIRECTIVE]],
  install: [
    [OVERRIDE, [21]],
    [21, DIRECTIVE],
    [3, CONDITION],
  ],
} as const satisfies Record<string, readonly TemplateCommand[]>

/** Numbers of the members that every manifest of ours has, and of those in `common`. */
export const templateMembers = {
  version: 1,
  sequence: 2,
  common: 3,
  setVersion: 6,
  validate: 7,
  invoke: 9,
  install: 20,
  text: 23,
} as const
export const templateCommon = { components: 2, shared: 4 } as const
/** The id of the one component: one segment of one zero byte. */
export const templateComponent: CborValue = [Uint8Array.of(0)]
export const templateComponents: CborValue = [templateComponent]

/** The flat array of a sequence, with the values of its parameters. */
export function fillSequence(
  sequence: readonly TemplateCommand[],
  values: ReadonlyMap<CborKey, CborValue> = new Map(),
): CborValue[] {
  const commands: CborValue[] = []
  for (const [command, argument] of sequence)
    commands.push(command, typeof argument === 'number' ? argument : pick(argument, values))
  return commands
}

function pick(names: readonly number[], values: ReadonlyMap<CborKey, CborValue>): CborMap {
  const picked = new Map<CborKey, CborValue>()
  for (const name of names) {
    const value = values.get(name)
    if (value !== undefined) picked.set(name, value)
  }
  return picked
}
