import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common'
import { ServerClock } from '../clock/server-clock.port.js'
import { Refusal } from '../../domain/refusal.js'
import type { ReportAck } from '../../protocol/device-http.js'
import { findDeviceTopic } from '../../protocol/mqtt-topics.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { TrustService } from '../keys/trust.service.js'
import { MqttLink } from '../mqtt/mqtt-link.port.js'
import { RefusalCounts } from '../refusals/refusal-counts.service.js'
import { InOrder } from '../in-order.js'
import { DeviceKeys, type DeviceKey } from './device-keys.service.js'
import { openReport, type DeviceName } from './report-check.js'
import { ReportStore, type StoreOutcome, type VerifiedReport } from './report-store.service.js'

/** Reports are gathered this long, so that many share one transaction. */
const GATHER_MS = 5
const BATCH = 500
/** Beyond this many waiting ones the broker is held back. */
const BACKLOG = 2_000
/** Enough to keep other threads busy, and few enough that files, which are read by the same threads, do not wait. */
const VERIFIED_AT_ONCE = 32

interface Waiting extends VerifiedReport {
  resolve(outcome: StoreOutcome): void
  reject(error: unknown): void
}

/** The one way in for signed reports, by HTTP and by MQTT alike. */
@Injectable()
export class ReportInbox implements OnModuleInit, BeforeApplicationShutdown {
  /** In the order they came, which is that of their counters. */
  private readonly waiting: Waiting[] = []
  /** Taken and not stored yet. */
  private inside = 0
  private readonly verified = new InOrder(VERIFIED_AT_ONCE)
  private running: Promise<void> | undefined

  constructor(
    private readonly store: ReportStore,
    private readonly keys: DeviceKeys,
    private readonly trust: TrustService,
    private readonly link: MqttLink,
    private readonly refusals: RefusalCounts,
    private readonly clock: ServerClock,
    private readonly log: DecisionLog,
  ) {}

  onModuleInit(): void {
    this.link.onReport((topic, payload) => this.receive(topic, payload))
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.running
  }

  /**
   * Takes one report in. @returns when it is stored.
   * @throws Refusal `REPORT_ROLLOUT` when it was stored but for what it says of a rollout, `REPORT_OLD` with the counter that is held, `REPORT_EPOCH` for an epoch that was not begun,
   *   `UNAUTHENTICATED` for an unknown device, or that of `openReport`.
   */
  async take(document: Uint8Array, from: DeviceName): Promise<ReportAck> {
    this.inside += 1
    try {
      return await this.takeIn(document, from)
    } catch (error) {
      if (error instanceof Refusal) this.refusals.note(from.namespace, 'report', error.code)
      throw error
    } finally {
      this.inside -= 1
    }
  }

  private async takeIn(document: Uint8Array, from: DeviceName): Promise<ReportAck> {
    const receivedMs = this.clock.nowMs()
    const { report, publicKey } = await this.open(document, from)
    const { isNew, isByItsKey, isStray, held } = await new Promise<StoreOutcome>((resolve, reject) => {
      this.waiting.push({ document, report, publicKey, receivedMs, resolve, reject })
      this.running ??= this.drain()
    })
    if (isStray) throw new Refusal('REPORT_ROLLOUT', { rolloutId: report.rolloutId ?? '', ...held })
    if (isNew) return held
    if (!isByItsKey) {
      this.keys.forget(from)
      throw new Refusal('REPORT_MISMATCH', { field: 'keyId' })
    }
    if (report.epoch > held.epoch) throw new Refusal('REPORT_EPOCH', { expected: held.epoch, found: report.epoch })
    throw new Refusal('REPORT_OLD', held)
  }

  private async open(document: Uint8Array, from: DeviceName): Promise<Pick<VerifiedReport, 'report' | 'publicKey'>> {
    const used = this.keys.require(from)
    const { state } = await this.trust.snapshot(from.namespace)
    const { algorithms } = state.root
    const openWith = async (known: Promise<DeviceKey>): Promise<Pick<VerifiedReport, 'report' | 'publicKey'>> => {
      const { key, stored } = await known
      const report = await this.verified.take(() => openReport(document, key, from, algorithms))
      return { report, publicKey: stored }
    }
    try {
      return await openWith(used)
    } catch (error) {
      if (!isByAnotherKey(error)) throw error
      // The device may have changed its key since we looked: asked once more.
      this.keys.forget(from, used)
      return openWith(this.keys.require(from))
    }
  }

  /**
   * From the broker. Confirmed to it before it is stored: a device repeats its report over HTTP until a poll carries its
   * counter, so a crash in between loses nothing. Only a long backlog holds the broker back.
   */
  private async receive(topic: string, payload: Uint8Array): Promise<void> {
    const from = findDeviceTopic(topic)
    if (from === null || from.channel !== 'report') {
      this.log.info('report.refused', { code: 'REPORT_MISMATCH', topic })
      return
    }
    const taken = this.take(new Uint8Array(payload), from).catch((error: unknown) => {
      if (error instanceof Refusal)
        this.log.info('report.refused', {
          code: error.code,
          detail: JSON.stringify(error.detail),
          device: from.deviceId,
        })
      else this.log.error('report.failed', error, { device: from.deviceId })
    })
    if (this.inside > BACKLOG) await taken
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      // While a batch is stored the next one is verified: there is nothing to wait for when it is whole.
      if (this.waiting.length < BATCH) await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
      const batch = this.takeBatch()
      try {
        const outcomes = await this.store.store(batch)
        batch.forEach((each, index) => {
          const outcome = outcomes[index]
          if (outcome === undefined) each.reject(new Error('a report without an outcome'))
          else each.resolve(outcome)
        })
      } catch (error) {
        for (const each of batch) each.reject(error)
      }
    }
    this.running = undefined
  }

  /** At most one report of each device: the next one waits for the next batch, in the order they came. */
  private takeBatch(): Waiting[] {
    const names = new Set<string>()
    const batch: Waiting[] = []
    const rest: Waiting[] = []
    for (const each of this.waiting) {
      const name = `${each.report.namespace}/${each.report.deviceId}`
      if (batch.length < BATCH && !names.has(name)) batch.push(each)
      else rest.push(each)
      names.add(name)
    }
    this.waiting.splice(0, this.waiting.length, ...rest)
    return batch
  }
}

const isByAnotherKey = (error: unknown): boolean =>
  error instanceof Refusal &&
  error.code === 'REPORT_MISMATCH' &&
  'field' in error.detail &&
  error.detail.field === 'keyId'
