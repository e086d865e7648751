import { equalBytes, sha256 } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { HostContinuity } from '../domain/signer-journal/host-continuity.js'
import {
  isReleaseOperation,
  type OrderEntry,
  type StartEntry,
  type TimedEntry,
} from '../domain/signer-journal/journal-entry.js'
import type { JournalSink } from './journal/journal-writer.js'
import { anchoredTrust, holdDocument, type HeldTrust } from '../domain/signer-journal/held-trust.js'

/** What a process counts: fed with every entry, those of the journal first. */
export interface Ledger {
  apply(entry: TimedEntry): void
}

/** A reading of clock and uptime together, at the first start of this run of the machine. */
export interface ClockBaseline {
  readonly time: number
  readonly uptimeSeconds: number
}

/**
 * Everything a signer remembers. It follows from the pinned root and the journal alone, so a start that reads the journal
 * knows what the process before it knew. An entry changes the state at once and is on the disk when its promise says so.
 */
export class SignerState {
  held: HeldTrust
  /** Largest time of any entry, seconds. */
  lastSeen = 0
  baseline: ClockBaseline | null = null
  readonly continuity = new HostContinuity()
  private readonly spentOrders = new Set<string>()
  private journal: JournalSink | null = null
  private readonly pinnedRootSha256: Uint8Array

  constructor(
    readonly process: 'release' | 'online',
    pinnedRoot: Uint8Array,
    private readonly bootId: string,
    private readonly ledger: Ledger,
  ) {
    this.held = anchoredTrust(pinnedRoot)
    this.pinnedRootSha256 = sha256(pinnedRoot)
  }

  /** From here on entries are written. */
  attach(journal: JournalSink): void {
    this.journal = journal
  }

  /**
   * Changes the state, then writes. Synchronous up to the write: between a check and the entry that makes it true for
   * the next request, nothing else runs.
   * @throws Refusal of the document when it is one, before anything is changed; later `SIGNER_STORAGE`.
   */
  record(timed: TimedEntry): Promise<void> {
    this.apply(timed)
    if (this.journal === null) throw new Error('the journal is not attached')
    return this.journal.append(timed)
  }

  /** @throws Refusal `SIGNER_STATE` when the journal is of another process or another root. */
  apply(timed: TimedEntry): void {
    const { time, entry } = timed
    if (entry.kind === 'start') this.begin(time, entry)
    if (entry.kind === 'root' || entry.kind === 'policy' || entry.kind === 'krl')
      this.held = holdDocument(this.held, entry.kind, entry.bytes, time)
    if (entry.kind === 'result' && !isReleaseOperation(entry.operation))
      this.held = holdDocument(this.held, 'krl', entry.bytes, time)
    this.continuity.apply(timed)
    this.ledger.apply(timed)
    this.lastSeen = Math.max(this.lastSeen, time)
    if (entry.kind === 'resume' || entry.kind === 'clock-reset') this.follow(time, entry)
  }

  /** What this process knows of itself, for a record that says when it was. */
  startEntry(
    start: Pick<StartEntry, 'uptimeSeconds' | 'tornBytes' | 'startId' | 'hostSha256' | 'isRestored'>,
  ): StartEntry {
    const { process, pinnedRootSha256, bootId } = this
    return { kind: 'start', process, pinnedRootSha256, bootId, ...start }
  }

  orderEntry(order: Pick<OrderEntry, 'kind' | 'requestId' | 'bytes' | 'approvals'>, uptimeSeconds: number): OrderEntry {
    return { ...order, bootId: this.bootId, uptimeSeconds }
  }

  isOrderSpent(requestId: string): boolean {
    return this.spentOrders.has(requestId)
  }

  /** A clock that people said is right begins anew, also when that is earlier than what was seen. */
  private follow(time: number, entry: OrderEntry): void {
    this.spentOrders.add(entry.requestId)
    if (entry.kind !== 'clock-reset') return
    const { uptimeSeconds } = entry
    this.lastSeen = time
    this.baseline = entry.bootId === this.bootId && uptimeSeconds > 0 ? { time, uptimeSeconds } : null
  }

  private begin(time: number, entry: StartEntry): void {
    if (entry.process !== this.process)
      throw new Refusal('SIGNER_STATE', { why: `the journal is that of a ${entry.process} signer` })
    if (!equalBytes(entry.pinnedRootSha256, this.pinnedRootSha256))
      throw new Refusal('SIGNER_STATE', { why: 'the journal belongs to another pinned root' })
    // The first reading of a run of the machine stays: comparing with a later one would forgive a jump at every start.
    if (entry.bootId === this.bootId && entry.uptimeSeconds > 0)
      this.baseline ??= { time, uptimeSeconds: entry.uptimeSeconds }
  }
}
