import { toHex } from '../src/domain/bytes.js'
import { Refusal } from '../src/domain/refusal.js'
import { parseOfferMessage, parseTrustMessage } from '../src/protocol/mqtt-payloads.js'
import { MqttTransport } from './mqtt-transport.js'
import type { SimulatedDevice } from './simulated-device.js'
import { wakeUpDelayMs } from './wake-up.js'

/** A window longer than this would be a way to keep a fleet asleep. */
const LONGEST_JITTER_SECONDS = 3_600
const FIRST_POLL_MS = 60_000
/** Whatever a server says: a device that never asks is one that nobody updates. */
const LONGEST_POLL_SECONDS = 86_400
/** Nor is a device there to ask without a pause. */
const SHORTEST_POLL_SECONDS = 5
/** When a window opens, devices come one after the other over so long. */
const WINDOW_JITTER_SECONDS = 300
/** Further ahead than a timer reaches; the polls until then say it again. */
const LONGEST_TIMER_MS = 20 * 86_400_000

export interface DeviceLifeOptions {
  readonly namespace: string
  /** Between two polls, instead of what the server says; the first one comes after the device's own share of it. */
  readonly pollMs: number | null
  /** For wake-ups that name no window of their own. */
  readonly jitterSeconds: number
  readonly random: () => number
  /** Authorities of the broker's certificate, PEM. */
  readonly tlsCa?: string
  /** Something that is no outage and no refusal: a bug, or a disk that is full. */
  readonly onError: (error: unknown) => void
}

/** A device that runs by itself: polls, listens to the broker, wakes up. */
export class DeviceLife {
  private mqtt: MqttTransport | null = null
  private pollTimer: NodeJS.Timeout | null = null
  private wakeTimer: NodeJS.Timeout | null = null
  private windowTimer: NodeJS.Timeout | null = null
  private wakeAtMs = Number.POSITIVE_INFINITY
  private wakeReasons: (() => boolean)[] = []
  private isRunning = false

  constructor(
    readonly device: SimulatedDevice,
    private readonly options: DeviceLifeOptions,
  ) {}

  start(): void {
    if (this.isRunning) return
    this.isRunning = true
    this.schedulePoll(wakeUpDelayMs(this.device.id, 'first poll', (this.options.pollMs ?? FIRST_POLL_MS) / 1_000))
    this.connect()
  }

  async stop(): Promise<void> {
    this.isRunning = false
    if (this.pollTimer !== null) clearTimeout(this.pollTimer)
    if (this.wakeTimer !== null) clearTimeout(this.wakeTimer)
    if (this.windowTimer !== null) clearTimeout(this.windowTimer)
    this.wakeAtMs = Number.POSITIVE_INFINITY
    this.wakeReasons = []
    this.device.useWire(null)
    await this.mqtt?.stop()
    this.mqtt = null
    await this.device.settled()
  }

  /** Polls now, whatever the timers say. */
  async poll(): Promise<void> {
    try {
      await this.device.pollOnce()
      this.comeBackAt(this.device.installsAt)
    } catch (error) {
      this.options.onError(error)
    }
  }

  /** Asks again when the install window opens, at its own share of the first part of it. */
  private comeBackAt(at: number | null): void {
    if (this.windowTimer !== null) clearTimeout(this.windowTimer)
    this.windowTimer = null
    const inMs = at === null ? Infinity : at * 1_000 - Date.now()
    if (!this.isRunning || inMs > LONGEST_TIMER_MS) return
    const share = wakeUpDelayMs(this.device.id, `window ${at}`, WINDOW_JITTER_SECONDS)
    this.windowTimer = setTimeout(() => void this.poll(), Math.max(0, inMs) + share)
  }

  private schedulePoll(delayMs: number): void {
    if (!this.isRunning) return
    this.pollTimer = setTimeout(() => {
      void this.poll().then(() => this.schedulePoll(this.nextPollMs()))
    }, delayMs)
  }

  /** A server that has too much to do is obeyed in any case. */
  private nextPollMs(): number {
    const { retryAfterSeconds, asksAgainSeconds } = this.device
    if (retryAfterSeconds !== null) return boundedMs(retryAfterSeconds)
    const { pollMs } = this.options
    if (pollMs !== null) return pollMs
    if (asksAgainSeconds === null) return FIRST_POLL_MS
    return boundedMs(asksAgainSeconds)
  }

  private connect(): void {
    const account = this.device.memory.record.enrolment?.mqtt
    if (account === undefined || account.url === '') return
    this.mqtt = new MqttTransport({
      account,
      identity: () => this.device.identity,
      ...(this.options.tlsCa === undefined ? {} : { tlsCa: this.options.tlsCa }),
      namespace: this.options.namespace,
      deviceId: this.device.id,
      random: this.options.random,
      presence: () => this.presence(),
      onMessage: (kind, payload) => void this.received(kind, payload),
      onConnected: () => void this.device.repeatReport().catch(this.options.onError),
    })
    this.device.useWire(this.mqtt)
    this.mqtt.start()
  }

  private presence() {
    const { memory } = this.device
    const connection = memory.record.connections + 1
    memory.saveRecord({ connections: connection })
    const { root, krl } = memory.trust
    return { isOnline: true, connection, rootVersion: root.version, krlNumber: krl?.number ?? 0 }
  }

  /** Nothing on the wire is trusted for being on the wire: a message wakes the device up, or is judged like any other. */
  private async received(kind: 'offer' | 'trust' | 'krl', payload: Uint8Array): Promise<void> {
    if (!this.isRunning || this.device.faults.has('offline')) return
    try {
      if (kind === 'krl') return await this.device.takeKrl(payload)
      if (kind === 'offer') {
        const { manifestSha256, jitterSeconds } = parseOfferMessage(payload)
        return this.wakeUp(toHex(manifestSha256), jitterSeconds)
      }
      const message = parseTrustMessage(payload)
      const isBehind = (): boolean => this.device.trust.isBehind(message)
      // The KRL itself usually arrives on its own topic meanwhile; then there is nothing left to ask for.
      if (isBehind())
        this.wakeUp(`trust ${message.rootVersion} ${message.krlNumber}`, this.options.jitterSeconds, isBehind)
    } catch (error) {
      if (!(error instanceof Refusal)) this.options.onError(error)
    }
  }

  /** Waits the device's own share of the window; of two wake-ups the earlier moment counts, for both reasons. */
  private wakeUp(occasion: string, jitterSeconds: number, isStillNeeded: () => boolean = () => true): void {
    const windowSeconds = Math.min(jitterSeconds, LONGEST_JITTER_SECONDS)
    const delayMs = wakeUpDelayMs(this.device.id, occasion, windowSeconds)
    const atMs = Date.now() + delayMs
    this.wakeReasons.push(isStillNeeded)
    if (atMs >= this.wakeAtMs) return
    if (this.wakeTimer !== null) clearTimeout(this.wakeTimer)
    this.wakeAtMs = atMs
    this.wakeTimer = setTimeout(() => void this.wake(), delayMs)
  }

  private async wake(): Promise<void> {
    const reasons = this.wakeReasons.splice(0)
    this.wakeAtMs = Number.POSITIVE_INFINITY
    // A poll that is under way may have asked before the occasion came.
    await this.device.settled()
    if (this.isRunning && reasons.some((isStillNeeded) => isStillNeeded())) await this.poll()
  }
}

/** A pause that a server asks for, as far as a device goes along with it. */
const boundedMs = (seconds: number): number =>
  Math.max(SHORTEST_POLL_SECONDS, Math.min(seconds, LONGEST_POLL_SECONDS)) * 1_000
