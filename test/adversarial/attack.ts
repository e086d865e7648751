import type { FixtureOptions } from '../support/trust-fixture.js'
import type { Scene } from './scene.js'
import type { Verdict } from './verdict.js'

/** What is attacked. A new group is a new word here. */
export const attackGroups = [
  'software',
  'versions',
  'keys',
  'signatures',
  'bytes',
  'time',
  'transport',
  'enrolment',
  'journal',
] as const
export type AttackGroup = (typeof attackGroups)[number]

/** One edit of the source that takes a guard away. `find` stands in the file exactly once. */
export interface Edit {
  readonly file: string
  readonly find: string
  readonly replace: string
}

/** One thing an attacker tries, and the one guard that stops it. */
export interface Attack {
  readonly name: string
  readonly group: AttackGroup
  /** The row of trust.md §1, or the name in the TUF and Uptane lists. */
  readonly threat: string
  /** What the attacker does, and with which stolen keys. */
  readonly does: string
  readonly fixture?: FixtureOptions
  readonly run: (scene: Scene) => Promise<Verdict>
  /** `CONFIRMED` where the device has to get through. Members of `detail` that are named must be equal. */
  readonly expected: Verdict
  readonly guard: readonly [Edit, ...Edit[]]
}
