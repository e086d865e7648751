export interface AdmissionLimits {
  /** Polls that are worked on at once. */
  readonly mostAtOnce: number
  /** Nobody is sent away for longer. */
  readonly longestSeconds: number
}

const SHORTEST_MS = 1_000
/** How long one takes, before any was measured; and how much the newest counts. */
const FIRST_MS = 100
const WEIGHT = 1 / 32
/** Those who come back meet those who come by themselves, and some of them each other. */
const SHARE_FOR_RETURNS = 0.6
const GOLDEN = 0.618_033_988_749_895

/**
 * Who is worked on now, and when the others are to come back: one after the other at the speed that is seen (as many as are worked on
 * at once, by the time that one takes), so that a fleet that comes all at once is served in the time that it takes, and does not
 * come all at once again.
 */
export class Admission {
  private atOnce = 0
  private takesMs = FIRST_MS
  /** When the next one that is sent away has its turn. */
  private nextMs = 0
  private sentAway = 0

  constructor(private readonly limits: AdmissionLimits) {}

  /** @returns null for "now", and `leave` is to be called afterwards; else the seconds after which to come back. */
  enter(nowMs: number): number | null {
    const { mostAtOnce, longestSeconds } = this.limits
    if (this.atOnce < mostAtOnce) {
      this.atOnce += 1
      return null
    }
    this.nextMs = Math.max(this.nextMs, nowMs + SHORTEST_MS) + this.takesMs / mostAtOnce / SHARE_FOR_RETURNS
    const seconds = (this.nextMs - nowMs) / 1_000
    // `Retry-After` knows whole seconds: who came together would come back together. So each has its turn somewhere in the second half
    // of the time, which leaves the seconds equally full; and so are those beyond the longest spread.
    this.sentAway += 1
    const share = (this.sentAway * GOLDEN) % 1
    return Math.ceil(Math.min(seconds, longestSeconds) * (0.5 + share / 2))
  }

  /** @param tookMs since its `enter`. */
  leave(tookMs: number): void {
    this.atOnce -= 1
    this.takesMs += (Math.max(1, tookMs) - this.takesMs) * WEIGHT
  }
}
