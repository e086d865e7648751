import type { JournalRecords } from './journals.js'

/** One refusal that was provoked, as `--json` writes it. */
export interface RefusalRow {
  readonly name: string
  readonly refusedBy: 'device' | 'release signer' | 'online signer'
  readonly code: string
  /** The number of the check that refused. */
  readonly step: number
}

/** What `--json OUT` holds. */
export interface DemoResult {
  readonly firmware: { readonly name: string; readonly sha256: string; readonly sizeBytes: number }
  readonly devices: number
  readonly confirmed: number
  readonly reverted: number
  readonly refusals: readonly RefusalRow[]
  readonly revocation: {
    readonly quorumMs: number
    readonly signedMs: number
    readonly publishedMs: number
    readonly p50Ms: number
    readonly p99Ms: number
    readonly acknowledged: number
  }
  /** Records that verified, by signer. */
  readonly journals: JournalRecords
  readonly sandbox: boolean
  readonly seconds: number
  readonly peakRssMb: number
  readonly serverPeakRssMb: number
  readonly leftProcesses: number
}
