import type { LastWord } from './event-log.js'

export interface DeviceAccount {
  readonly id: string
  readonly group: string
  /** Its own last word. */
  readonly said: string
  readonly runs: number
  /** What the database holds of it; null where it holds nothing. */
  readonly deployment: string | null
  readonly reportedSequence: number | null
}
export interface StoredDevice {
  readonly id: string
  readonly state: string | null
  readonly running_sequence: number | null
}
export interface GroupWords {
  readonly name: string
  readonly devices: number
  /** How its devices must end. */
  readonly expected: 'confirmed' | 'reverted'
  readonly words: ReadonlyMap<number, LastWord>
}
export type Counts = Readonly<Record<string, number>>

export interface Account {
  readonly counts: Counts
  /** Devices of ours that never spoke, or that the database does not know. */
  readonly missing: readonly string[]
  /** Where two that should agree do not. */
  readonly differences: readonly string[]
  readonly devices: readonly DeviceAccount[]
}

/**
 * Holds what every device says of itself against what the database holds of it, and the counts that people are shown against
 * a recount. @param shown by the API. @param sequence of the release.
 */
export function account(
  groups: readonly GroupWords[],
  stored: readonly StoredDevice[],
  shown: Counts,
  sequence: number,
): Account {
  const rows = new Map(stored.map((row) => [row.id, row]))
  const [missing, differences]: [string[], string[]] = [[], []]
  const devices: DeviceAccount[] = []
  for (const group of groups)
    for (let index = 0; index < group.devices; index += 1) {
      const word = group.words.get(index)
      const row = word === undefined ? undefined : rows.get(word.id)
      if (word === undefined || row === undefined) {
        missing.push(word?.id ?? `${group.name} ${index}`)
        continue
      }
      rows.delete(word.id)
      devices.push(accountOf(group.name, word, row))
      const difference = differenceOf(group.expected, word, row, sequence)
      if (difference !== null) differences.push(`${word.id}: ${difference}`)
    }
  for (const id of rows.keys()) differences.push(`${id}: nobody of ours`)
  const counts = countStates(stored)
  differences.push(...recounted(counts, shown))
  return { counts, missing, differences, devices }
}

function accountOf(group: string, word: LastWord, row: StoredDevice): DeviceAccount {
  const { id, state, sequence } = word
  return { id, group, said: state, runs: sequence, deployment: row.state, reportedSequence: row.running_sequence }
}

function differenceOf(expected: string, word: LastWord, row: StoredDevice, sequence: number): string | null {
  const runs = expected === 'confirmed' ? sequence : 0
  if (row.state !== expected) return `deployment is ${row.state ?? 'missing'}, not ${expected}`
  if (word.sequence !== runs) return `runs ${word.sequence} and is ${row.state}`
  return (row.running_sequence ?? 0) === runs ? null : `runs ${runs}, stored as ${row.running_sequence ?? 0}`
}

function countStates(stored: readonly StoredDevice[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { state } of stored) if (state !== null) counts[state] = (counts[state] ?? 0) + 1
  return counts
}

function recounted(counts: Counts, shown: Counts): string[] {
  const states = [...new Set([...Object.keys(counts), ...Object.keys(shown)])]
  return states.flatMap((state) => {
    const [told, counted] = [shown[state] ?? 0, counts[state] ?? 0]
    return told === counted ? [] : [`${state}: ${told} are shown, ${counted} are there`]
  })
}
