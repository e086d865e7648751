import { compareBytes, sha256, toHex } from '../../src/domain/bytes.js'
import { strictAlgorithms } from '../../src/domain/cose/algorithms.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { wrappedSha256 } from '../../src/domain/suit/digest.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../../src/domain/suit/envelope.js'
import { encodeManifest, type Manifest } from '../../src/domain/suit/manifest.js'
import { encodeText } from '../../src/domain/suit/text.js'
import type { Refusal } from '../../src/domain/refusal.js'
import { acceptUpdate, type DeviceContext, type UpdateOffer } from '../../src/domain/trust/accept-update.js'
import { encodeAssignment, type Assignment } from '../../src/domain/trust/assignment.js'
import { encodeFreshness, type Freshness } from '../../src/domain/trust/freshness.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { anchorState, type TrustState } from '../../src/domain/trust/trust-state.js'
import { makeSoftKey, type SoftKey } from './soft-key.js'
import { CLASS_ID, TrustFixture, VENDOR_ID, type FixtureOptions } from './trust-fixture.js'

const text = encodeText({ description: 'A release for tests' })
export const IMAGE = new Uint8Array(1_000).fill(7)

/** A good update and one device that would take it; each test spoils one thing. */
export class UpdateFixture {
  private constructor(
    readonly trust: TrustFixture,
    readonly deviceKey: SoftKey,
  ) {}

  static async make(options: FixtureOptions = {}): Promise<UpdateFixture> {
    return new UpdateFixture(await TrustFixture.make(options), (options.makeKey ?? makeSoftKey)())
  }

  get state(): TrustState {
    return anchorState(this.trust.rootBytes, strictAlgorithms)
  }

  context(change: Partial<DeviceContext> = {}): DeviceContext {
    return {
      namespace: this.trust.namespace,
      deviceId: this.deviceKey.keyIdHex,
      vendorId: VENDOR_ID,
      classId: CLASS_ID,
      algorithms: strictAlgorithms,
      clockSeconds: this.trust.now,
      nonce: null,
      ...change,
    }
  }

  manifest(change: Partial<Manifest> = {}): Uint8Array {
    return encodeManifest({
      sequence: 5,
      vendorId: VENDOR_ID,
      classId: CLASS_ID,
      imageSha256: sha256(IMAGE),
      imageSizeBytes: IMAGE.length,
      version: '1.4.0',
      textSha256: wrappedSha256(text),
      ...change,
    })
  }

  /** The blocks in their one order, whatever that of `keys`. */
  async envelope(
    manifest = this.manifest(),
    keys: readonly SoftKey[] = [this.trust.roleKey('manifest-a')],
  ): Promise<Uint8Array> {
    return this.envelopeAsGiven(
      manifest,
      keys.toSorted((one, other) => compareBytes(one.keyId, other.keyId)),
    )
  }

  /** The blocks as `keys` stand: what somebody else might send. */
  async envelopeAsGiven(manifest: Uint8Array, keys: readonly SoftKey[]): Promise<Uint8Array> {
    const digest = manifestSha256(manifest)
    return encodeEnvelope(manifest, await Promise.all(keys.map((key) => buildBlock(key, digest))), text)
  }

  assignment(change: Partial<Assignment> = {}, key = this.trust.roleKey('assignment')): Promise<Uint8Array> {
    const assignment: Assignment = {
      namespace: this.trust.namespace,
      deviceId: this.deviceKey.keyIdHex,
      rolloutId: 'rollout-1',
      manifestSha256: manifestSha256(this.manifest()),
      sequence: 5,
      leastKrlNumber: 1,
      notBefore: this.trust.now - 10,
      expires: this.trust.now + 3_600,
      ...change,
    }
    return buildSign1(key, encodeAssignment(assignment), labelOf('assignment'))
  }

  freshness(
    krl: Uint8Array,
    change: Partial<Freshness> = {},
    key = this.trust.roleKey('freshness'),
  ): Promise<Uint8Array> {
    const freshness: Freshness = {
      namespace: this.trust.namespace,
      time: this.trust.now - 5,
      expires: (change.time ?? this.trust.now - 5) + 86_400,
      krlNumber: 1,
      krlSha256: sha256(krl),
      rootVersion: 1,
      ...change,
    }
    return buildSign1(key, encodeFreshness(freshness), labelOf('freshness'))
  }

  /** Everything good, except what `change` says. */
  async offer(change: Partial<UpdateOffer> = {}): Promise<UpdateOffer> {
    const krl = change.krl ?? (await this.trust.signKrl(this.trust.krl()))
    return {
      roots: [],
      krl,
      freshness: await this.freshness(krl),
      assignment: await this.assignment(),
      envelope: await this.envelope(),
      ...change,
    }
  }

  get digestHex(): string {
    return toHex(manifestSha256(this.manifest()))
  }
}

/** Code, step and detail of a refusal, so that no test passes by an accident of another step. @throws when it was accepted. */
export function refusalOf(
  state: TrustState,
  offer: UpdateOffer,
  context: DeviceContext,
): Pick<Refusal, 'code' | 'step' | 'detail'> {
  try {
    acceptUpdate(state, offer, context, () => undefined)
  } catch (error) {
    const { code, step, detail } = error as Refusal
    if (code === undefined) throw error
    return { code, step, detail }
  }
  throw new Error('was accepted')
}
