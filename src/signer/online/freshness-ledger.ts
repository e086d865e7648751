import type { TimedEntry } from '../../domain/signer-journal/journal-entry.js'
import type { Ledger } from '../signer-state.js'

const HOUR_SECONDS = 3_600

/** Freshness statements of the hour by the clock. */
export class FreshnessLedger implements Ledger {
  private hour = 0
  private count = 0

  apply({ time, entry }: TimedEntry): void {
    if (entry.kind !== 'freshness') return
    this.count = this.inHour(time) + 1
    this.hour = hourOf(time)
  }

  inHour(now: number): number {
    return hourOf(now) === this.hour ? this.count : 0
  }
}

const hourOf = (time: number): number => Math.floor(time / HOUR_SECONDS)
