import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SimulatedDevice, type SimulatedDeviceOptions } from '../../device-sim/simulated-device.js'
import { sha256 } from '../../src/domain/bytes.js'
import { manifestSha256 } from '../../src/domain/suit/envelope.js'
import type { Manifest } from '../../src/domain/suit/manifest.js'
import type { Assignment } from '../../src/domain/trust/assignment.js'
import type { Freshness } from '../../src/domain/trust/freshness.js'
import type { Krl } from '../../src/domain/trust/krl.js'
import type { UpdateAnswer } from '../../src/protocol/device-http.js'
import { LyingServer } from './lying-server.js'
import type { SoftKey } from './soft-key.js'
import { CLASS_ID, VENDOR_ID, type FixtureOptions } from './trust-fixture.js'
import { UpdateFixture } from './update-fixture.js'

/** What varies in an answer; everything else of it is good. */
export interface AnswerChange {
  readonly sequence?: number
  readonly image?: Uint8Array
  readonly manifest?: Partial<Manifest>
  /** Empty for an unsigned release. */
  readonly manifestKeys?: readonly SoftKey[]
  readonly assignment?: Partial<Assignment>
  readonly krl?: Partial<Krl>
  readonly freshness?: Partial<Freshness>
}

/** One device, one server that can lie, and the keys to make any document. */
export class DeviceBench {
  private readonly devices: SimulatedDevice[] = []
  private constructor(
    readonly folder: string,
    readonly server: LyingServer,
    readonly fixture: UpdateFixture,
  ) {}

  /** @param parent of the bench's own folder. */
  static async make(options: FixtureOptions = {}, parent = tmpdir()): Promise<DeviceBench> {
    const folder = await mkdtemp(join(parent, 'cs-device-'))
    return new DeviceBench(folder, await LyingServer.start(), await UpdateFixture.make(options))
  }

  async close(): Promise<void> {
    // The server first: a device that waits for an answer would wait on.
    await this.server.stop()
    await Promise.all(this.devices.map((device) => device.settled()))
    await rm(this.folder, { recursive: true })
  }

  /** A device in the bench's folder; a second one there is the first after a restart. */
  device(change: Partial<SimulatedDeviceOptions> = {}): SimulatedDevice {
    const device = new SimulatedDevice({
      dir: join(this.folder, 'device'),
      serverUrl: this.server.url,
      namespace: this.fixture.trust.namespace,
      root1: this.fixture.trust.rootBytes,
      vendorId: VENDOR_ID,
      classId: CLASS_ID,
      clockSeconds: () => this.fixture.trust.now,
      ...change,
    })
    this.devices.push(device)
    return device
  }

  async enrolled(change: Partial<SimulatedDeviceOptions> = {}): Promise<SimulatedDevice> {
    const device = this.device(change)
    await device.enrol('claim')
    return device
  }

  /** An answer that a device takes, unless `change` spoils it; the server serves its image too. */
  async answer(device: { readonly id: string }, change: AnswerChange = {}): Promise<UpdateAnswer> {
    const { fixture } = this
    const image = change.image ?? new Uint8Array(40_000).fill(change.sequence ?? 5)
    const sequence = change.sequence ?? 5
    const manifest = fixture.manifest({
      sequence,
      imageSha256: sha256(image),
      imageSizeBytes: image.length,
      ...change.manifest,
    })
    const krl = await fixture.trust.signKrl(fixture.trust.krl(change.krl))
    this.server.payload = image
    return {
      krl,
      freshness: await fixture.freshness(krl, { krlNumber: change.krl?.number ?? 1, ...change.freshness }),
      assignment: await fixture.assignment({
        deviceId: device.id,
        manifestSha256: manifestSha256(manifest),
        sequence,
        rolloutId: `rollout-${sequence}`,
        ...change.assignment,
      }),
      envelope: await fixture.envelope(manifest, change.manifestKeys),
      payloadUrls: [`/device/v1/${fixture.trust.namespace}/`],
    }
  }

  /** Offers a good update, or a spoilt one, and lets the device poll. */
  async offer(device: SimulatedDevice, change: AnswerChange = {}) {
    this.server.answer = await this.answer(device, change)
    return device.pollOnce()
  }
}
