import { buildSign1, type MessageSigner } from '../src/domain/cose/sign1.js'
import { Refusal } from '../src/domain/refusal.js'
import { encodeCounterEpoch, isLaterReport } from '../src/domain/trust/counter-epoch.js'
import { labelOf } from '../src/domain/trust/labels.js'
import { reasonOf } from '../src/domain/trust/report-reason.js'
import { encodeReport, type ReportState } from '../src/domain/trust/report.js'
import type { ReportAck } from '../src/protocol/device-http.js'
import { runningImage } from './boot-record.js'
import type { Why } from './device.js'
import type { DeviceMemory } from './device-memory.js'
import type { DeviceRecord } from './device-record.js'
import { DeviceServer, Unreachable } from './device-server.port.js'

/** What a report says beyond what the device holds. */
export interface Statement {
  readonly state: ReportState
  readonly rolloutId: string | null
  readonly why: Why | null
}

/** The wire that is there at the moment, beside HTTP. */
export interface ReportWire {
  readonly isConnected: boolean
  publishReport(report: Uint8Array): Promise<void>
}

export interface ReportDeskOptions {
  readonly namespace: string
  /** Asked anew each time: a device may change its key. */
  readonly signer: () => MessageSigner & { readonly deviceId: string }
  readonly memory: () => DeviceMemory
  readonly server: DeviceServer
  /** SHA-256 of the running slot, as it was read back at boot. */
  readonly runningSha256: () => Uint8Array
  readonly nowSeconds: () => number
}

/**
 * A device that was wiped begins beyond all of its epochs, of which it knows none. Further is nobody's honest number: one large lie
 * would leave no epoch to begin.
 */
const MOST_EPOCHS_AHEAD = 65_536

/** For a device that has nothing else to tell. */
const present: Statement = { state: 'idle', rolloutId: null, why: null }

/** Writes a device's reports: numbered, signed, and repeated until the server has the newest one. */
export class ReportDesk {
  /** Reports leave in the order of their numbers. */
  private queue: Promise<unknown> = Promise.resolve()
  private newest: Statement | null = null
  private newestCounter = 0
  /** The server holds numbers that this memory does not know to have given, so it was wiped; or the server lost ours. */
  private needsEpoch = false
  wire: ReportWire | null = null

  constructor(private readonly options: ReportDeskOptions) {}

  /** What the newest report says while the server has not confirmed that it has it; else null. */
  get unacknowledged(): Statement | null {
    return this.options.memory().record.unacknowledged === null ? null : this.newest
  }

  /**
   * Signs a report and sends it. The number and the signed bytes are stored first (trust.md §3, Report): a power
   * cut can lose a number, never use one twice.
   */
  write(statement: Statement, remember: Partial<DeviceRecord> = {}): Promise<void> {
    return this.inTurn(async () => {
      await this.beginEpochIfNeeded()
      await this.writeNow(statement, remember)
      // The answer to this very report may have been the first to say so.
      if (this.needsEpoch) await this.mend()
    })
  }

  /** Repeats the newest report over HTTP, where the answer says whether the server has it. */
  repeat(): Promise<void> {
    return this.inTurn(async () => {
      const { unacknowledged } = this.options.memory().record
      if (!this.needsEpoch && unacknowledged !== null) await this.post(unacknowledged)
      if (this.needsEpoch) await this.mend()
    })
  }

  /** Says the newest once more under the key there is now: what another key signed counts no longer. */
  signAgain(): Promise<void> {
    return this.inTurn(async () => {
      if (this.options.memory().record.unacknowledged !== null) await this.writeNow(this.newest ?? present, {})
    })
  }

  acknowledge(ack: ReportAck): void {
    const memory = this.options.memory()
    const { record } = memory
    this.needsEpoch = isLaterReport(ack, record)
    const isNewest = ack.epoch === record.epoch && ack.counter === record.counter
    if (isNewest && record.unacknowledged !== null) memory.saveRecord({ unacknowledged: null })
  }

  /** Memory is gone. */
  forget(): void {
    this.newest = null
    this.newestCounter = 0
    this.needsEpoch = false
  }

  private async writeNow(statement: Statement, remember: Partial<DeviceRecord>): Promise<void> {
    const memory = this.options.memory()
    const counter = memory.record.counter + 1
    const report = await this.sign(memory, counter, statement)
    memory.saveRecord({ ...remember, counter, unacknowledged: report })
    this.newest = statement
    this.newestCounter = counter
    await this.send(report)
  }

  /** A new epoch, and in it what there is to say. */
  private async mend(): Promise<void> {
    await this.beginEpochIfNeeded()
    if (!this.needsEpoch) await this.writeNow(this.newest ?? present, {})
  }

  /** Counters go on from nothing in an epoch that the server's nonce makes new (trust.md §3). Tried again at the next occasion. */
  private async beginEpochIfNeeded(): Promise<void> {
    if (!this.needsEpoch) return
    const { server, signer, namespace, memory } = this.options
    const { deviceId } = signer()
    const { epoch: known } = memory().record
    try {
      const { nonce, epoch } = await server.askNonce(deviceId, known)
      // A server that gives a number twice is not helped to have old reports counted again.
      if (epoch <= known || epoch > known + MOST_EPOCHS_AHEAD) return
      const document = encodeCounterEpoch({ namespace, deviceId, nonce, epoch })
      await server.beginEpoch(deviceId, await buildSign1(signer(), document, labelOf('counter-epoch')))
      memory().saveRecord({ epoch, counter: 0, unacknowledged: null })
      this.needsEpoch = false
    } catch (error) {
      if (!(error instanceof Unreachable) && !(error instanceof Refusal)) throw error
    }
  }

  /** True when the newest report of this run said the same: a refusal is not told again at every poll. */
  hasSaid({ state, rolloutId, why }: Statement): boolean {
    const said = this.newestCounter === this.options.memory().record.counter ? this.newest : null
    return said?.state === state && said.rolloutId === rolloutId && said.why?.code === why?.code
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.queue.then(work)
    this.queue = turn.catch(() => undefined)
    return turn
  }

  private sign(memory: DeviceMemory, counter: number, { state, rolloutId, why }: Statement): Promise<Uint8Array> {
    const running = runningImage(memory.boot)
    const { namespace, runningSha256, nowSeconds } = this.options
    const signer = this.options.signer()
    const payload = encodeReport({
      namespace,
      deviceId: signer.deviceId,
      epoch: memory.record.epoch,
      counter,
      time: nowSeconds(),
      runningManifestSha256: running?.manifestSha256 ?? new Uint8Array(32),
      runningSequence: running?.sequence ?? 0,
      runningImageSha256: runningSha256(),
      rootVersion: memory.trust.root.version,
      krlNumber: memory.trust.krl?.number ?? 0,
      state,
      ...(why === null ? {} : { reason: reasonOf(why.code) }),
      ...(rolloutId === null ? {} : { rolloutId }),
    })
    return buildSign1(signer, payload, labelOf('report'))
  }

  private async send(report: Uint8Array): Promise<void> {
    if (this.wire?.isConnected === true) {
      try {
        // The broker has it, the server perhaps not: it stays unacknowledged until an answer says so.
        return await this.wire.publishReport(report)
      } catch {
        // The connection went meanwhile: the other way.
      }
    }
    await this.post(report)
  }

  private async post(report: Uint8Array): Promise<void> {
    if (this.options.memory().record.enrolment === null) return
    try {
      const ack = await this.options.server.report(this.options.signer().deviceId, report)
      if (ack === null) this.needsEpoch = true
      else this.acknowledge(ack)
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
    }
  }
}
