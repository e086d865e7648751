import type { Clock } from '../../domain/clock.js'
import type { SigningGround } from '../checked-signer.js'
import type { SignerLog } from '../host/signer-log.js'
import type { MachineUptime } from '../host/system-clock.js'
import type { InOrder } from '../in-order.js'
import type { SignerState } from '../signer-state.js'
import type { PublishedFolder } from '../trust/published-folder.js'
import type { VerdictCache } from '../verdict-cache.js'
import type { ReleaseLedger } from './release-ledger.js'

/** What the operations of a release signer work with. */
export interface ReleaseContext extends SigningGround {
  readonly namespace: string
  readonly clock: Clock
  readonly uptime: MachineUptime
  readonly state: SignerState
  readonly ledger: ReleaseLedger
  readonly published: PublishedFolder
  readonly verdicts: VerdictCache
  /** Who asks for a release first is judged first: a later sequence closes the earlier ones. */
  readonly order: InOrder
  readonly log: SignerLog
}
