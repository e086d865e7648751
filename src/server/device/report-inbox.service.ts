import { type BeforeApplicationShutdown, Injectable, type OnModuleInit } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { ServerClock } from '../clock/server-clock.port.js'
import type { CoseKey } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import type { ReportAck } from '../../protocol/device-http.js'
import { findDeviceTopic } from '../../protocol/mqtt-topics.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { TrustService } from '../keys/trust.service.js'
import { MqttLink } from '../mqtt/mqtt-link.port.js'
import { openReport, readDeviceKey, type DeviceName } from './report-check.js'
import { RefusalCounts } from '../refusals/refusal-counts.service.js'
import { ReportStore, type StoreOutcome, type VerifiedReport } from './report-store.service.js'

/** Reports are gathered this long, so that many share one transaction. */
const GATHER_MS = 5
const BATCH = 500
/** Beyond this many waiting ones the broker is held back. */
const BACKLOG = 2_000
const MAX_KEYS = 65_536

interface DeviceKey {
  readonly key: CoseKey
  readonly stored: Buffer
}
interface Waiting extends VerifiedReport {
  resolve(outcome: StoreOutcome): void
  reject(error: unknown): void
}

/** The one way in for signed reports, by HTTP and by MQTT alike. */
@Injectable()
export class ReportInbox implements OnModuleInit, BeforeApplicationShutdown {
  private readonly waiting: Waiting[] = []
  /** Kept so that a report costs no query before its batch, which looks again whether the key is still the device's. */
  private readonly keys = new Map<string, Promise<DeviceKey>>()
  private running: Promise<void> | undefined

  constructor(
    private readonly database: DataSource,
    private readonly store: ReportStore,
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
    try {
      return await this.takeIn(document, from)
    } catch (error) {
      if (error instanceof Refusal) this.refusals.note(from.namespace, 'report', error.code)
      throw error
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
      this.keys.delete(nameOf(from))
      throw new Refusal('REPORT_MISMATCH', { field: 'keyId' })
    }
    if (report.epoch > held.epoch) throw new Refusal('REPORT_EPOCH', { expected: held.epoch, found: report.epoch })
    throw new Refusal('REPORT_OLD', held)
  }

  private async open(document: Uint8Array, from: DeviceName): Promise<Pick<VerifiedReport, 'report' | 'publicKey'>> {
    const used = this.requireKey(from)
    const { state } = await this.trust.snapshot(from.namespace)
    const { algorithms } = state.root
    const openWith = ({ key, stored }: DeviceKey): Pick<VerifiedReport, 'report' | 'publicKey'> => ({
      report: openReport(document, key, from, algorithms),
      publicKey: stored,
    })
    try {
      return openWith(await used)
    } catch (error) {
      if (!isByAnotherKey(error)) throw error
      // The device may have changed its key since we looked: asked once more.
      this.forgetKey(from, used)
      return openWith(await this.requireKey(from))
    }
  }

  private forgetKey(from: DeviceName, used: Promise<DeviceKey>): void {
    const name = nameOf(from)
    if (this.keys.get(name) === used) this.keys.delete(name)
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
    if (this.waiting.length > BACKLOG) await taken
  }

  /** Reports of one device that come together wait for one look-up: none overtakes another. */
  private requireKey(from: DeviceName): Promise<DeviceKey> {
    const name = nameOf(from)
    const known = this.keys.get(name)
    if (known !== undefined) return known
    if (this.keys.size >= MAX_KEYS) this.keys.clear()
    const key = this.readKey(from)
    this.keys.set(name, key)
    // A device that enrols later, or a database that comes back, is looked up again.
    key.catch(() => this.forgetKey(from, key))
    return key
  }

  private async readKey({ namespace, deviceId }: DeviceName): Promise<DeviceKey> {
    const [row] = await this.database.query<{ public_key: Buffer }[]>(
      `SELECT public_key FROM device WHERE namespace = $1 AND id = $2 AND protocol = 'native' AND decommissioned_at IS NULL`,
      [namespace, deviceId],
    )
    if (row === undefined) throw new Refusal('UNAUTHENTICATED', {})
    return { key: readDeviceKey(row.public_key), stored: row.public_key }
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS))
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

const nameOf = ({ namespace, deviceId }: DeviceName): string => `${namespace}/${deviceId}`

const isByAnotherKey = (error: unknown): boolean =>
  error instanceof Refusal &&
  error.code === 'REPORT_MISMATCH' &&
  'field' in error.detail &&
  error.detail.field === 'keyId'
