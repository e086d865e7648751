const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
/** Before the second try, the third, …: about two days in all, as Standard Webhooks advises. */
const DELAYS_MS = [
  5 * SECOND_MS,
  MINUTE_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  6 * HOUR_MS,
  14 * HOUR_MS,
  24 * HOUR_MS,
]

/**
 * @param attempts made so far, at least one. @param share from 0 to 1: receivers that come back are not met by everything at once.
 * @returns milliseconds until the next one; null to give up.
 */
export function retryDelayMs(attempts: number, share: number): number | null {
  const delay = DELAYS_MS[attempts - 1]
  return delay === undefined ? null : Math.round(delay * (0.8 + 0.4 * share))
}
