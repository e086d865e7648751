import type { Edit } from '../support/edited-source.js'
import type { Verdict } from './verdict.js'

/** Who is attacked: the words of `--group`. A new group is a new word here and a list of its own in `attacks/`. */
export const attackGroups = ['device', 'signer', 'journal'] as const
export type AttackGroup = (typeof attackGroups)[number]

/** What is told of any attack: what is tried, and the one guard that stops it. */
export interface AttackFacts {
  readonly name: string
  /** The row of docs/trust.md §1, or the name in the TUF and Uptane lists. */
  readonly threat: string
  /** What the attacker does, and with which stolen keys. */
  readonly does: string
  /** `CONFIRMED` where the device has to get through; a signer never has to. Members of `detail` that are named must be equal. */
  readonly expected: Verdict
  readonly guard: readonly [Edit, ...Edit[]]
  /** How it ends without the guard, where that is not that it gets through: the check that stops it then. */
  readonly unguarded?: Verdict
}

/** One attack that can be played: it builds its own scene and takes it down again. */
export interface Attack extends AttackFacts {
  readonly group: AttackGroup
  readonly run: () => Promise<Verdict>
}
