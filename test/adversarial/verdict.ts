import type { RefusalCode } from '../../src/domain/refusal.js'

/** How an attack ended, in the words of the one who was attacked. */
export interface Verdict {
  /**
   * Of a device the step of trust.md §5 that spoke; 0 before the first, 16 for a confirmed boot. Of a signer the number of the
   * check (src/signer/README.md); 20 for a signature.
   */
  readonly step: number
  /**
   * `CONFIRMED`: what was offered runs. `UNREACHABLE`: given up without an answer to judge. `NOTHING`: no update found.
   * `SIGNED`: a signer did what was asked.
   */
  readonly code: RefusalCode | 'CONFIRMED' | 'UNREACHABLE' | 'NOTHING' | 'SIGNED'
  readonly detail?: object
}

/** The checks of the signers as they follow each other; a device counts its steps in order. */
const signerChecks = [1, 2, 25, 4, 3, 5, 6, 7, 8, 9, 10, 21, 22, 23, 12, 13, 14, 24, 15, 16, 17, 18, 19, 20]

/** How far an attack got, to be compared with another verdict on the same one. */
export const distanceOf = (group: string, { step }: Verdict): number =>
  group === 'signer' ? signerChecks.indexOf(step) : step

/** The end of an attack that nothing stopped. */
export const throughOf = (group: string): Verdict =>
  group === 'signer' ? { step: 20, code: 'SIGNED' } : { step: 16, code: 'CONFIRMED' }
