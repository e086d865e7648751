import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceServer } from '../../device-sim/device-server.port.js'
import type { HttpLimits } from '../../device-sim/http-exchange.js'
import type { SimulatedDevice, SimulatedDeviceOptions } from '../../device-sim/simulated-device.js'
import { toHex } from '../../src/domain/bytes.js'
import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { CborTag, type CborMap } from '../../src/domain/cbor/value.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { Refusal, type RefusalCode } from '../../src/domain/refusal.js'
import { manifestSha256, parseEnvelope } from '../../src/domain/suit/envelope.js'
import { MAX_DOCUMENT_BYTES } from '../../src/domain/trust/labels.js'
import type { UpdateAnswer } from '../../src/protocol/device-http.js'
import { DeviceBench, type AnswerChange } from '../support/device-bench.js'
import type { LyingServer } from '../support/lying-server.js'
import type { FixtureOptions, TrustFixture } from '../support/trust-fixture.js'
import { IMAGE, type UpdateFixture } from '../support/update-fixture.js'
import { memoryFolder } from './memory-folder.js'
import { requireMap, sequenceOf } from './thief.js'
import type { Verdict } from './verdict.js'
import { WatchedTransport } from './watched-transport.js'

/** The moment at which scenes play. */
export const NOW = 1_800_000_000
export const DAY = 86_400

type Swap = Partial<UpdateAnswer> | ((answer: UpdateAnswer) => Partial<UpdateAnswer> | Promise<Partial<UpdateAnswer>>)

/** One device of the real code, one server that lies, and every key there is to steal. */
export class Scene {
  private held: { device: SimulatedDevice; transport: WatchedTransport } | null = null
  private constructor(readonly bench: DeviceBench) {}

  static async make(options: FixtureOptions = {}): Promise<Scene> {
    return new Scene(await DeviceBench.make({ now: NOW, ...options }, memoryFolder()))
  }

  close(): Promise<void> {
    return this.bench.close()
  }

  get server(): LyingServer {
    return this.bench.server
  }
  get fixture(): UpdateFixture {
    return this.bench.fixture
  }
  get trust(): TrustFixture {
    return this.bench.fixture.trust
  }

  /** The victim, enrolled and still with the firmware from the factory. */
  async enrol(
    change: Partial<SimulatedDeviceOptions> = {},
    limits: Partial<HttpLimits> = {},
  ): Promise<SimulatedDevice> {
    const transport = new WatchedTransport({ serverUrl: this.server.url, namespace: this.trust.namespace, limits })
    const server: DeviceServer = transport
    const device = await this.bench.enrolled({ isFlushed: false, server, ...change })
    this.held = { device, transport }
    return device
  }

  private async victim(): Promise<{ device: SimulatedDevice; transport: WatchedTransport }> {
    if (this.held === null) await this.enrol()
    if (this.held === null) throw new Error('there is no victim')
    return this.held
  }

  /** What an honest server would say, changed. */
  async answer(change: AnswerChange = {}): Promise<UpdateAnswer> {
    return this.bench.answer((await this.victim()).device, change)
  }

  /** An update that has to be taken: what happened before the attack. */
  async install(change: AnswerChange = {}, swap: Swap = {}): Promise<void> {
    const { code, step } = await this.offer(change, swap)
    if (code !== 'CONFIRMED') throw new Error(`the attack could not begin: ${code} at step ${step}`)
  }

  /** Lets the device poll for a good answer, after the attacker had it in hand. */
  async offer(change: AnswerChange = {}, swap: Swap = {}): Promise<Verdict> {
    const answer = await this.answer(change)
    this.server.answer = { ...answer, ...(typeof swap === 'function' ? await swap(answer) : swap) }
    return this.poll()
  }

  /** The same to a device without a clock, whose nonce is known when it asks. */
  async offerWithNonce(change: AnswerChange = {}, swap: Partial<UpdateAnswer> = {}): Promise<Verdict> {
    const { device } = await this.victim()
    this.server.answerFor = async () => {
      const nonce = this.server.nonce ?? new Uint8Array(0)
      const answer = await this.bench.answer(device, { ...change, freshness: { ...change.freshness, nonce } })
      return { ...answer, ...swap }
    }
    return this.poll()
  }

  /** A manifest made by hand, signed by the real key and assigned, unless `more` brings its own envelope. */
  async offerManifest(
    manifest: Uint8Array,
    more: Partial<UpdateAnswer> & { readonly image?: Uint8Array } = {},
  ): Promise<Verdict> {
    const { image = IMAGE, ...swap } = more
    const digest = manifestSha256(manifest)
    const answer = await this.answer({ image, assignment: { manifestSha256: digest, sequence: sequenceOf(manifest) } })
    this.server.answer = { ...answer, envelope: await this.fixture.envelope(manifest), ...swap }
    return this.poll()
  }

  /** The SUIT digest of what an answer offers, as KRLs name it. */
  digestOf({ envelope }: UpdateAnswer): string {
    return toHex(manifestSha256(parseEnvelope(envelope ?? new Uint8Array(0)).manifest))
  }

  /** What is signed inside a document of one signature. */
  payloadOf(document: Uint8Array | undefined): Uint8Array {
    return parseSign1(document ?? new Uint8Array(0), MAX_DOCUMENT_BYTES).payload ?? new Uint8Array(0)
  }

  membersOf(envelope: Uint8Array | undefined): CborMap {
    const value = decodeCbor(envelope ?? new Uint8Array(0), { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 3, tags: [107] })
    return requireMap(value instanceof CborTag ? value.value : value)
  }

  /** @throws when the harm that has to be mended was not done in the first place. */
  requireStuck(verdict: Verdict, code: RefusalCode): void {
    if (verdict.code !== code) throw new Error(`expected ${code}, was ${verdict.code} at step ${verdict.step}`)
  }

  /** What the device says to an enrolment; when it takes it, what comes of the attack that follows. */
  async tryToEnrol(afterwards: () => Promise<Verdict>): Promise<Verdict> {
    try {
      await this.enrol()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      return { step: 0, code: error.code, detail: error.detail }
    }
    return afterwards()
  }

  /** A second device of the same class, enrolled at the same server. */
  anotherDevice(): Promise<SimulatedDevice> {
    return this.bench.enrolled({ dir: join(this.bench.folder, 'another'), isFlushed: false })
  }

  /** The same, given up by the attack when the device is still at it. */
  async pollWithin(ms: number): Promise<Verdict> {
    const late = sleep(ms, { step: 1, code: 'UNREACHABLE' } as const, { ref: false })
    return Promise.race([this.poll(), late])
  }

  async poll(): Promise<Verdict> {
    const { device, transport } = await this.victim()
    transport.givenUp()
    const { state, code, step = 0, detail = {} } = await device.pollOnce()
    if (code !== undefined) return { step, code, detail }
    if (state === 'confirmed') return { step: 16, code: 'CONFIRMED' }
    const given = transport.givenUp()
    return given === null ? { step: 0, code: 'NOTHING' } : { step: given.step, code: 'UNREACHABLE', detail: given }
  }
}
