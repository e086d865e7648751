import { readFileSync } from 'node:fs'
import { Clock } from '../../domain/clock.js'

/** The machine's clock. */
export class SystemClock extends Clock {
  override nowSeconds(): number {
    return Math.floor(Date.now() / 1000)
  }
}

/** How long the machine runs, which no setting of its clock changes. */
export interface MachineUptime {
  /** Names one run of the machine; "" where it is not known. */
  readonly bootId: string
  /** Whole seconds, time asleep included; null where it is not known. */
  seconds(): number | null
}

/** A reading is good for that long; what it is compared with may be off by an hour. */
const UPTIME_GOOD_MS = 100

/** Linux tells both; other systems are for laptops, where a jumping clock is not noticed. */
export function systemUptime(): MachineUptime {
  let [readMs, seconds] = [Number.NEGATIVE_INFINITY, readUptime()]
  return {
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    seconds: () => {
      // A clock that nobody sets.
      const nowMs = performance.now()
      if (nowMs - readMs > UPTIME_GOOD_MS) [readMs, seconds] = [nowMs, readUptime()]
      return seconds
    },
  }
}

function readUptime(): number | null {
  const seconds = Number.parseFloat(readText('/proc/uptime'))
  return Number.isFinite(seconds) ? Math.floor(seconds) : null
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
