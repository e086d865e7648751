const FIRST_MS = 500
const LONGEST_MS = 60_000
/** A connection that held this long was a good one: the next failure starts from the beginning. */
export const STABLE_MS = 60_000

/**
 * How long to wait before the next attempt: exponential with full jitter, so that a fleet whose broker restarted
 * comes back spread over the window and not in waves.
 * @param failures attempts that failed in a row; 0 for the first wait.
 * @param random 0 ≤ random < 1.
 */
export const backOffMs = (failures: number, random: number): number =>
  Math.floor(random * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 16)))
