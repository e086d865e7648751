import { Refusal } from '../../domain/refusal.js'

/** A jump to the top of the range would leave no number for the next release. */
const LARGEST_STEP = 1_000

/**
 * Check 9: forward, and not far.
 * @param highest of that class: signed or spent here, or one below the floor of root and KRL.
 * @throws Refusal `SEQUENCE_OVERTAKEN`, `SEQUENCE_JUMP`.
 */
export function requireNextSequence(offered: number, highest: number): void {
  if (offered <= highest) throw new Refusal('SEQUENCE_OVERTAKEN', { offered, highest })
  const limit = highest + LARGEST_STEP
  if (offered > limit) throw new Refusal('SEQUENCE_JUMP', { offered, limit })
}
