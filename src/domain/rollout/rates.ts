/** Offers in a minute: always as many, or more and more as devices confirm. */
export type PerMinute =
  | { readonly constant: number }
  /** `base`, times `factor` for each `everyConfirmed` devices that confirmed, but never above `most`. */
  | { readonly base: number; readonly factor: number; readonly everyConfirmed: number; readonly most: number }

/** How fast a rollout may go by its own rules; the pace that people signed stands above them. What is absent does not limit. */
export interface Rates {
  readonly perMinute?: PerMinute | undefined
  /** Devices that have an offer and are not at an end. */
  readonly inFlight?: number | undefined
  /** Over the whole fleet, in the mean: an offer counts as one download of the image. */
  readonly bytesPerSecond?: number | undefined
}

/** What a rate is held against. */
export interface RateFacts {
  readonly confirmed: number
  readonly inFlight: number
  readonly imageSizeBytes: number
  /** When the next offer is due by the offers made so far; 0 before the first. */
  readonly dueMs: number
  readonly nowMs: number
}

/** Offers that may be made now. `dueMs` afterwards is `startMs + offers × intervalMs`. */
export interface Allowance {
  readonly devices: number
  readonly startMs: number
  readonly intervalMs: number
}

/** So much of what was not used is caught up on, after a tick that came late; what is older is gone. */
const CATCH_UP_MS = 5_000
const MINUTE_SECONDS = 60

/** By the rates alone; Infinity when none is set. */
export function offersPerSecond(rates: Rates, confirmed: number, imageSizeBytes: number): number {
  const byMinute = rates.perMinute === undefined ? Infinity : perMinuteAt(rates.perMinute, confirmed) / MINUTE_SECONDS
  const byBytes = rates.bytesPerSecond === undefined ? Infinity : rates.bytesPerSecond / Math.max(1, imageSizeBytes)
  return Math.min(byMinute, byBytes)
}

function perMinuteAt(rate: PerMinute, confirmed: number): number {
  if ('constant' in rate) return rate.constant
  return Math.min(rate.most, rate.base * rate.factor ** Math.floor(confirmed / rate.everyConfirmed))
}

/** @returns how many offers may be made now; the rest of the rate is kept in when the next one is due. */
export function allowance(rates: Rates, facts: RateFacts): Allowance {
  const { confirmed, imageSizeBytes, dueMs, nowMs } = facts
  const intervalMs = 1_000 / offersPerSecond(rates, confirmed, imageSizeBytes)
  const room = Math.max(0, (rates.inFlight ?? Infinity) - facts.inFlight)
  if (intervalMs === 0) return { devices: room, startMs: nowMs, intervalMs }
  // Before the first offer nothing is late.
  const startMs = dueMs === 0 ? nowMs : Math.max(dueMs, nowMs - CATCH_UP_MS)
  const devices = startMs > nowMs ? 0 : Math.floor((nowMs - startMs) / intervalMs) + 1
  return { devices: Math.min(devices, room), startMs, intervalMs }
}

/** The pace that people signed, which the online signer holds a rollout to. */
export interface Pace {
  readonly devicesPerHour: number
  readonly devicesTotal: number
}

/** Devices that may still be reached, by those that were reached in the last hour and in all. */
export const paceRoom = (pace: Pace, inHour: number, total: number): number =>
  Math.max(0, Math.min(pace.devicesPerHour - inHour, pace.devicesTotal - total))
