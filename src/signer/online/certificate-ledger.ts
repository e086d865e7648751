import type { TimedEntry } from '../../domain/signer-journal/journal-entry.js'
import type { Ledger } from '../signer-state.js'

const DAY_SECONDS = 86_400

/** Certificates of the last day: all of them, and by device. */
export class CertificateLedger implements Ledger {
  /** Oldest first; what is older than a day falls off the front. */
  private issued: { readonly time: number; readonly deviceId: string }[] = []
  private readonly byDevice = new Map<string, number>()

  apply({ time, entry }: TimedEntry): void {
    if (entry.kind !== 'certificate' || entry.deviceId === '') return
    this.issued.push({ time, deviceId: entry.deviceId })
    this.byDevice.set(entry.deviceId, (this.byDevice.get(entry.deviceId) ?? 0) + 1)
    this.forget(time)
  }

  inDay(deviceId: string, now: number): { readonly all: number; readonly ofDevice: number } {
    this.forget(now)
    return { all: this.issued.length, ofDevice: this.byDevice.get(deviceId) ?? 0 }
  }

  private forget(now: number): void {
    const keep = this.issued.findIndex(({ time }) => time > now - DAY_SECONDS)
    const old = this.issued.splice(0, keep === -1 ? this.issued.length : keep)
    for (const { deviceId } of old) {
      const left = (this.byDevice.get(deviceId) ?? 0) - 1
      if (left > 0) this.byDevice.set(deviceId, left)
      else this.byDevice.delete(deviceId)
    }
  }
}
