import { Agent } from 'node:http'
import { join } from 'node:path'
import { nativeAlgorithms, type AlgorithmTable } from '../src/domain/cose/algorithms.js'
import type { DeviceAlgorithm } from './device-key.js'
import { DeviceLife } from './device-life.js'
import { Faults, type FaultName } from './faults.js'
import type { Outcome } from './outcome.js'
import { SimulatedDevice } from './simulated-device.js'

/** Sockets that all devices together hold to one server. */
const SOCKETS = 32
const ENROLMENTS_AT_ONCE = 8

export interface FleetOptions {
  readonly serverUrl: string
  readonly namespace: string
  readonly root1: Uint8Array
  readonly vendorId: Uint8Array
  readonly classId: Uint8Array
  readonly devices: number
  /** One folder in it for each device. */
  readonly dir: string
  /** By index of the device, from 0. */
  readonly faults?: ReadonlyMap<number, readonly FaultName[]>
  readonly pollMs?: number
  readonly jitterSeconds?: number
  /** Default: OpenSSL's. Its verdicts are those of the strict table, at a tenth of the cost. */
  readonly algorithms?: AlgorithmTable
  /** As of one device. */
  readonly isFlushed?: boolean
  readonly keyAlgorithm?: DeviceAlgorithm
  /** Default true. Devices without a clock ask for the time with every poll. */
  readonly hasClock?: boolean
  readonly usesCertificates?: boolean
  /** Authorities of the certificates of server and broker, PEM. */
  readonly tlsCa?: string
  readonly onEvent?: (event: FleetEvent) => void
}

export type FleetEvent =
  | ({ readonly event: 'device'; readonly index: number; readonly id: string } & Outcome)
  | { readonly event: 'enrolled'; readonly index: number; readonly id: string }
  | { readonly event: 'error'; readonly index: number; readonly id: string; readonly why: string }

/** N devices in one process, each with its own key, folder and judgement; they share sockets and nothing else. */
export class Fleet {
  readonly lives: readonly DeviceLife[]
  private readonly agent = new Agent({ keepAlive: true, maxSockets: SOCKETS })
  private isStarted = false

  constructor(private readonly options: FleetOptions) {
    this.lives = Array.from({ length: options.devices }, (_, index) => this.makeLife(index))
  }

  get devices(): readonly SimulatedDevice[] {
    return this.lives.map(({ device }) => device)
  }

  /** Enrols the devices that are not yet. @throws what the first one to fail was told. */
  async enrol(claimToken: string | null): Promise<void> {
    const waiting = [...this.devices.entries()].filter(([, device]) => !device.isEnrolled)
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const [index, device] = next
        await device.enrol(claimToken)
        this.options.onEvent?.({ event: 'enrolled', index, id: device.id })
      }
    }
    await Promise.all(Array.from({ length: ENROLMENTS_AT_ONCE }, worker))
  }

  /** A device forgets everything but its key, and enrols again. */
  async wipe(index: number, claimToken: string | null): Promise<void> {
    const [life] = this.chosen(index)
    if (life === undefined) return
    await life.stop()
    await life.device.wipe()
    await life.device.enrol(claimToken)
    if (this.isStarted && !life.device.faults.has('offline')) life.start()
  }

  /** A device takes another key, under its old name. */
  async changeKey(index: number): Promise<void> {
    const [life] = this.chosen(index)
    await life?.device.changeKey()
  }

  start(): void {
    this.isStarted = true
    for (const life of this.lives) if (!life.device.faults.has('offline')) life.start()
  }

  async stop(): Promise<void> {
    this.isStarted = false
    await Promise.all(this.lives.map((life) => life.stop()))
    this.agent.destroy()
  }

  /** Polls one device, or all of them, now. */
  async poll(index?: number): Promise<void> {
    await Promise.all(this.chosen(index).map((life) => life.poll()))
  }

  async setFault(index: number, name: FaultName, isOn: boolean): Promise<void> {
    const [life] = this.chosen(index)
    if (life === undefined) return
    life.device.setFault(name, isOn)
    if (name !== 'offline') return
    if (isOn) await life.stop()
    else if (this.isStarted) life.start()
  }

  /** Devices by the sequence they run. */
  sequences(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>()
    for (const { runningSequence } of this.devices) counts.set(runningSequence, (counts.get(runningSequence) ?? 0) + 1)
    return counts
  }

  private chosen(index?: number): readonly DeviceLife[] {
    return index === undefined ? this.lives : this.lives.slice(index, index + 1)
  }

  private makeLife(index: number): DeviceLife {
    const { options, agent } = this
    const {
      serverUrl,
      namespace,
      root1,
      vendorId,
      classId,
      algorithms = nativeAlgorithms,
      isFlushed = true,
      hasClock = true,
      keyAlgorithm,
      onEvent,
    } = options
    const ca = options.tlsCa === undefined ? {} : { tlsCa: options.tlsCa }
    const device = new SimulatedDevice({
      dir: join(options.dir, `device-${String(index).padStart(5, '0')}`),
      serverUrl,
      namespace,
      root1,
      vendorId,
      classId,
      algorithms,
      agent,
      isFlushed,
      usesCertificate: options.usesCertificates ?? false,
      ...ca,
      ...(keyAlgorithm === undefined ? {} : { keyAlgorithm }),
      ...(hasClock ? {} : { clockSeconds: () => null }),
      faults: new Faults(options.faults?.get(index)),
      onReport: (outcome) => onEvent?.({ event: 'device', index, id: device.id, ...outcome }),
    })
    return new DeviceLife(device, {
      namespace,
      ...ca,
      pollMs: options.pollMs ?? null,
      jitterSeconds: options.jitterSeconds ?? 5,
      random: Math.random,
      onError: (error) =>
        onEvent?.({
          event: 'error',
          index,
          id: device.id,
          why: error instanceof Error ? error.message : String(error),
        }),
    })
  }
}
