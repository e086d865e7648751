import type { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import type { MachineUptime } from '../host/system-clock.js'
import type { ClockBaseline } from '../signer-state.js'

const LARGEST_JUMP_SECONDS = 3_600

/** What the clock is held against. */
export interface SeenTime {
  readonly lastSeen: number
  readonly baseline: ClockBaseline | null
}

/**
 * Check 4: reads the clock, once for a whole decision.
 * Not behind the last time seen, and within an hour of where the machine's uptime says it should be. A reading that jumps is not stored.
 * @returns seconds since the epoch.
 * @throws Refusal `CLOCK_BEHIND`, `CLOCK_JUMPED`.
 */
export function requireClock(clock: Clock, uptime: MachineUptime, seen: SeenTime): number {
  const now = clock.nowSeconds()
  if (now < seen.lastSeen) throw new Refusal('CLOCK_BEHIND', { lastSeen: seen.lastSeen, now })
  const uptimeSeconds = uptime.seconds()
  if (seen.baseline === null || uptimeSeconds === null) return now
  const seconds = now - seen.baseline.time - (uptimeSeconds - seen.baseline.uptimeSeconds)
  if (Math.abs(seconds) > LARGEST_JUMP_SECONDS) throw new Refusal('CLOCK_JUMPED', { seconds })
  return now
}
