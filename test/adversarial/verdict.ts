import type { RefusalCode } from '../../src/domain/refusal.js'

/** How an attack ended, in the device's own words. */
export interface Verdict {
  /** The step of trust.md §5 that spoke; 0 before the first, 16 for a confirmed boot. */
  readonly step: number
  /** `CONFIRMED`: what was offered runs. `UNREACHABLE`: given up without an answer to judge. `NOTHING`: no update found. */
  readonly code: RefusalCode | 'CONFIRMED' | 'UNREACHABLE' | 'NOTHING'
  readonly detail?: object
}
