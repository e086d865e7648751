import { equalBytes } from '../bytes.js'
import type { StartEntry, TimedEntry } from './journal-entry.js'

/**
 * Whether a signer's state was always on one host, by its own journal. State that was copied or restored meets another host
 * id, or a mark that it does not reach up to; from then on the signer is suspended, over every start, until people resume it.
 */
export class HostContinuity {
  private acceptedHost: Uint8Array | null = null
  private lastStart: StartEntry | null = null
  private suspendedStart: StartEntry | null = null
  /** Approvals from before this time are void, seconds: they may have been spent in what the restored state forgot. */
  voidBefore = 0

  apply({ time, entry }: TimedEntry): void {
    if (entry.kind === 'start') this.begin(entry)
    if (entry.kind === 'resume') this.resume(time)
  }

  /** Names the suspension; null while the signer may sign. */
  get suspensionId(): Uint8Array | null {
    return this.suspendedStart?.startId ?? null
  }

  private begin(entry: StartEntry): void {
    this.acceptedHost ??= entry.hostSha256
    this.lastStart = entry
    if (entry.isRestored || !equalBytes(entry.hostSha256, this.acceptedHost)) this.suspendedStart ??= entry
  }

  private resume(time: number): void {
    this.acceptedHost = this.lastStart?.hostSha256 ?? null
    this.suspendedStart = null
    this.voidBefore = time
  }
}
