import { readdirSync, rmSync } from 'node:fs'
import type { Agent } from 'node:http'
import { join } from 'node:path'
import { strictAlgorithms, type AlgorithmTable } from '../src/domain/cose/algorithms.js'
import { encodeSign, makeOneSignature } from '../src/domain/cose/sign.js'
import { buildSign1 } from '../src/domain/cose/sign1.js'
import { Refusal } from '../src/domain/refusal.js'
import { encodeEnrolment } from '../src/domain/trust/enrolment.js'
import { encodeKeyChange } from '../src/domain/trust/key-change.js'
import { labelOf } from '../src/domain/trust/labels.js'
import { isKrlLate } from '../src/domain/trust/take-krl.js'
import type { TrustState } from '../src/domain/trust/trust-state.js'
import { runningImage } from './boot-record.js'
import { DeviceKey, type DeviceAlgorithm } from './device-key.js'
import { CertificateDesk, type TlsIdentity } from './certificate-desk.js'
import { DeviceMemory } from './device-memory.js'
import { Unreachable, type DeviceServer } from './device-server.port.js'
import { Faults, type FaultName } from './faults.js'
import { HttpTransport } from './http-transport.js'
import { Installer, whyOf } from './installer.js'
import { installsAt } from './offer-terms.js'
import { outcomeOf, type Outcome } from './outcome.js'
import { Poller } from './poller.js'
import { ReportDesk, type ReportWire, type Statement } from './report-desk.js'
import { Slots } from './slots.js'
import { TrustDesk } from './trust-desk.js'
import { UpdateRunner } from './update-runner.js'

export interface SimulatedDeviceOptions {
  /** The device's own folder: key, state, slots. What is there is gone on with. */
  readonly dir: string
  readonly serverUrl: string
  /** `product/environment`. */
  readonly namespace: string
  /** The signed root 1 inside the firmware; the one anchor. */
  readonly root1: Uint8Array
  /** 16 bytes each. */
  readonly vendorId: Uint8Array
  readonly classId: Uint8Array
  /** Default: the strict ones, as on a device. A fleet in one process takes the fast ones. */
  readonly algorithms?: AlgorithmTable
  readonly faults?: Faults
  /** Seconds since the Unix epoch, or null on a device without a clock. */
  readonly clockSeconds?: () => number | null
  /** Of the key it makes itself when it has none. */
  readonly keyAlgorithm?: DeviceAlgorithm
  readonly agent?: Agent
  /** Default true: every write is on the medium before the next step. False for fleets too large for one disk. */
  readonly isFlushed?: boolean
  /** Default false: whether it asks for a certificate and goes by it. */
  readonly usesCertificate?: boolean
  /** Authorities of the server's own certificate, PEM. */
  readonly tlsCa?: string
  /** In place of HTTP. */
  readonly server?: DeviceServer
  /** Called with everything the device reports. */
  readonly onReport?: (outcome: Outcome) => void
}

const trustName = ({ trust }: DeviceMemory): string => `${trust.root.version} ${trust.krl?.number ?? 0}`
const systemClock = (): number => Math.floor(Date.now() / 1_000)

/** One device: it believes its own root and its own judgement, whatever server it talks to. */
export class SimulatedDevice {
  readonly id: string
  readonly faults: Faults
  readonly trust: TrustDesk
  private key: DeviceKey
  private readonly hasClock: boolean
  private readonly reports: ReportDesk
  private readonly runner: UpdateRunner
  private readonly poller: Poller
  private readonly certificates: CertificateDesk | null
  private readonly server: DeviceServer
  private readonly open: () => DeviceMemory
  private held: DeviceMemory
  private running: Promise<unknown> | null = null
  private isUp = false

  constructor(private readonly options: SimulatedDeviceOptions) {
    const { dir, namespace, vendorId, classId, algorithms = strictAlgorithms } = options
    this.open = () => new DeviceMemory(dir, options.root1, algorithms, options.isFlushed ?? true)
    const memory = (): DeviceMemory => this.held
    const clockSeconds = options.clockSeconds ?? systemClock
    this.held = this.open()
    this.key = DeviceKey.open(dir, options.keyAlgorithm)
    this.id = this.key.deviceId
    this.faults = options.faults ?? new Faults()
    this.server = options.server ?? new HttpTransport(options)
    this.server.useCredential(this.held.record.enrolment?.credential ?? null)
    const { server, faults, id: deviceId } = this
    const identity = { namespace, deviceId, vendorId, classId, algorithms }
    const trust = new TrustDesk(identity, memory, server, clockSeconds)
    const installer = new Installer(memory, new Slots(dir), server, faults)
    const reports = new ReportDesk({
      namespace,
      signer: () => this.key,
      memory,
      server,
      runningSha256: () => installer.runningSha256,
      nowSeconds: () => trust.now(),
    })
    const certified = { dir, namespace, key: () => this.key, server, now: () => trust.now() }
    this.certificates = options.usesCertificate === true ? new CertificateDesk(certified) : null
    server.useIdentity(
      () => this.identity,
      () => this.certificates?.forget(),
    )
    this.hasClock = clockSeconds() !== null
    const { hasClock } = this
    const poller = new Poller({ deviceId, hasClock, memory, server, trust, reports, faults })
    const reopen = (): void => {
      this.held = this.open()
    }
    const onReport = (statement: Statement): void => options.onReport?.(this.outcome(statement))
    this.poller = poller
    this.trust = trust
    this.reports = reports
    this.runner = new UpdateRunner({ memory, reopen, poller, trust, installer, reports, faults, onReport })
  }

  /** A copy-free look at what the device holds; it changes with the next poll. */
  get trustState(): TrustState {
    return this.held.trust
  }
  get memory(): DeviceMemory {
    return this.held
  }
  get runningSequence(): number {
    return runningImage(this.held.boot)?.sequence ?? 0
  }
  /** When its install window opens, for an update that waits for it; seconds since the epoch. */
  get installsAt(): number | null {
    const session = this.runner.current
    return session.phase === 'waiting' ? installsAt(session.update.terms, this.trust.now()) : null
  }
  /** After how many seconds the server wants to be asked again; null when it has not said. */
  get asksAgainSeconds(): number | null {
    return this.poller.asksAgainSeconds
  }
  get retryAfterSeconds(): number | null {
    return this.poller.retryAfterSeconds
  }
  /** What it shows in TLS. */
  get identity(): TlsIdentity | null {
    return this.certificates?.current ?? null
  }
  get isEnrolled(): boolean {
    return this.held.record.enrolment !== null
  }

  /**
   * Makes the device known to the server. It gets a name and secrets and no anchors: what it believes came with
   * its firmware. @throws Refusal `ENROLMENT_REFUSED` when the answer is about another device.
   */
  async enrol(claimToken: string | null): Promise<void> {
    const { namespace, classId } = this.options
    const enrolment = encodeEnrolment({ namespace, key: this.key.publicKey, classId, time: this.trust.now() })
    const answer = await this.server.enrol(await buildSign1(this.key, enrolment, labelOf('enrolment')), claimToken)
    if (answer.deviceId !== this.id) throw new Refusal('ENROLMENT_REFUSED', { why: 'the answer names another device' })
    this.held.saveRecord({ enrolment: answer })
    this.server.useCredential(answer.credential)
  }

  /**
   * Takes another key and keeps its name: the old key says so, the new one shows that it is there. What is not answered is
   * repeated at the next power-up. @throws Unreachable when the server does not take it now.
   */
  async changeKey(algorithm: DeviceAlgorithm = this.options.keyAlgorithm ?? 'ed25519'): Promise<void> {
    const { dir, namespace } = this.options
    const next = DeviceKey.openNext(dir, algorithm)
    const { nonce } = await this.server.askNonce(this.id, this.held.record.epoch)
    const payload = encodeKeyChange({ namespace, deviceId: this.id, nonce, key: next.publicKey })
    const signatures = [this.key, next].map((key) => makeOneSignature(key, payload, labelOf('key-change')))
    await this.server.changeKey(this.id, encodeSign(payload, await Promise.all(signatures)))
    this.key = DeviceKey.adoptNext(dir, this.id)
    await this.reports.signAgain()
  }

  /** Everything but key and name is gone, as after a reset to what left the factory. Enrols again afterwards. */
  async wipe(): Promise<void> {
    await this.settled()
    const { dir } = this.options
    for (const file of readdirSync(dir)) if (!file.startsWith('device')) rmSync(join(dir, file))
    this.held = this.open()
    this.isUp = false
    this.reports.forget()
    this.certificates?.forget()
    this.server.useCredential(null)
  }

  /** Polls once and follows an update to its end. A call while one is under way waits for that one. */
  pollOnce(): Promise<Outcome> {
    return this.alone(async () => {
      if (this.faults.has('offline')) return { state: 'unreachable', sequence: this.runningSequence }
      await this.powerUp()
      if (this.isEnrolled) await this.certificates?.renewIfDue()
      const { counter } = this.held.record
      const known = trustName(this.held)
      await this.runner.poll()
      // What was written during this poll went out just now, and named the trust that came with it.
      if (this.held.record.counter !== counter) return this.outcome()
      // A KRL or root that came with a poll is acknowledged like one that was pushed (trust.md §7, t4).
      if (trustName(this.held) !== known) await this.reports.write(this.presentStatement())
      // What is older and still unanswered goes again.
      else await this.reports.repeat()
      return this.outcome()
    })
  }

  /** Takes a KRL that was pushed, and reports at once that it did (trust.md §7, t4). */
  async takeKrl(bytes: Uint8Array): Promise<void> {
    // Without a clock nothing says whether the key that signed it is still alive (trust.md §5, step 4): the next poll brings both.
    if (!this.hasClock) return
    try {
      if (!this.trust.takeKrl(bytes)) return
    } catch (error) {
      // An older one is what a broker that missed something still holds; only what contradicts is worth telling.
      if (!(error instanceof Refusal)) throw error
      if (error.code === 'KRL_OLD' || error.code === 'KRL_NEEDS_ROOT') return
      const statement: Statement = { state: 'refused', rolloutId: null, why: whyOf(error, 6) }
      if (!this.reports.hasSaid(statement)) await this.reports.write(statement)
      return
    }
    await this.reports.write(this.presentStatement())
  }

  /** Reports over this wire while it is connected; null for HTTP only. */
  useWire(wire: ReportWire | null): void {
    this.reports.wire = wire
  }

  /** Sends the newest report again when the server may not have it. */
  repeatReport(): Promise<void> {
    return this.reports.repeat()
  }

  setFault(name: FaultName, isOn: boolean): void {
    this.faults.set(name, isOn)
  }

  /** Waits until nothing is under way. */
  async settled(): Promise<void> {
    await this.running?.catch(() => undefined)
  }

  private async powerUp(): Promise<void> {
    if (this.isUp) return
    this.isUp = true
    await this.runner.powerUp()
    if (DeviceKey.findNext(this.options.dir) !== null) await this.changeKey().catch(ignoreOutage)
  }

  private alone(work: () => Promise<Outcome>): Promise<Outcome> {
    if (this.running !== null) return this.running as Promise<Outcome>
    const running = work().finally(() => (this.running = null))
    this.running = running
    return running
  }

  /** A report about a KRL must not hide how an update ended from a server that has not heard of it. */
  private presentStatement(): Statement {
    const session = this.runner.current
    const { unacknowledged } = this.reports
    if (unacknowledged !== null) return unacknowledged
    switch (session.phase) {
      case 'downloading':
      case 'installing':
        return { state: session.phase, rolloutId: session.update.image.rolloutId, why: null }
      case 'downloaded':
      case 'waiting':
        return { state: 'downloaded', rolloutId: session.update.image.rolloutId, why: null }
      case 'rebooting':
        return { state: 'rebooting', rolloutId: session.image.rolloutId, why: null }
      default:
        return { state: 'idle', rolloutId: null, why: null }
    }
  }

  private outcome(statement?: Statement): Outcome {
    const outcome = outcomeOf(statement ?? this.runner.current, this.runningSequence)
    return isKrlLate(this.held.trust, this.trust.now()) ? { ...outcome, isKrlLate: true } : outcome
  }
}

/** A change of keys that the server did not take now is repeated at the next power-up. */
function ignoreOutage(error: unknown): void {
  if (!(error instanceof Unreachable)) throw error
}
