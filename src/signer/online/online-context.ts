import type { Clock } from '../../domain/clock.js'
import type { SigningGround } from '../checked-signer.js'
import type { SignerLog } from '../host/signer-log.js'
import type { MachineUptime } from '../host/system-clock.js'
import type { SignerState } from '../signer-state.js'
import type { PublishedReader } from '../trust/published-reader.js'
import type { PaceLedger } from './pace-ledger.js'
import type { CertificateLedger } from './certificate-ledger.js'
import type { FreshnessLedger } from './freshness-ledger.js'
import type { VerdictCache } from '../verdict-cache.js'

/** What the operations of an online signer work with. */
export interface OnlineContext extends SigningGround {
  readonly namespace: string
  readonly clock: Clock
  readonly uptime: MachineUptime
  readonly state: SignerState
  readonly ledger: PaceLedger
  readonly certificates: CertificateLedger
  readonly statements: FreshnessLedger
  readonly published: PublishedReader
  readonly verdicts: VerdictCache
  readonly log: SignerLog
}
