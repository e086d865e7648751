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

/** Linux tells both; other systems are for laptops, where a jumping clock is not noticed. */
export function systemUptime(): MachineUptime {
  return {
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    seconds: () => {
      const seconds = Number.parseFloat(readText('/proc/uptime'))
      return Number.isFinite(seconds) ? Math.floor(seconds) : null
    },
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}
