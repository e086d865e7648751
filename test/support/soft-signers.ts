import { createHash } from 'node:crypto'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { buildSign1, parseSign1 } from '../../src/domain/cose/sign1.js'
import { Refusal } from '../../src/domain/refusal.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../../src/domain/suit/envelope.js'
import { parseManifest } from '../../src/domain/suit/manifest.js'
import { encodeFreshness } from '../../src/domain/trust/freshness.js'
import { parseKrl } from '../../src/domain/trust/krl.js'
import { labelOf, MAX_KRL_BYTES } from '../../src/domain/trust/labels.js'
import type { SignerStatus, TrustCourier } from '../../src/protocol/signer-socket.js'
import {
  Signers,
  type KrlSignRequest,
  type ReSignRequest,
  type SignerOrder,
  type SignerProcess,
  type SignRequest,
} from '../../src/server/signing/signer.port.js'
import type { SoftKey } from './soft-key.js'
import type { TrustFixture } from './trust-fixture.js'

/** Both signers with keys in memory and no checks: what the server does before and after them is what is tested. */
export class SoftSigners extends Signers {
  readonly signed: SignRequest[] = []
  readonly reSigned: ReSignRequest[] = []
  /** Signs again in place of the first manifest key. */
  successor: SoftKey | null = null
  readonly signedKrls: KrlSignRequest[] = []
  readonly imported: TrustCourier[] = []
  readonly ordered: object[] = []
  readonly hashed: string[] = []
  readonly sequences = new Map<string, number>()
  /** Thrown instead of the next signature. */
  refusal: Refusal | null = null
  /** Changes an envelope on its way out. */
  spoil: (envelope: Uint8Array) => Uint8Array = (envelope) => envelope
  /** Lets a test hold a signature back. */
  gate: () => Promise<void> = () => Promise.resolve()
  private krl: { readonly number: number; readonly bytes: Uint8Array } | null = null
  private rootVersion = 1

  constructor(private readonly trust: TrustFixture) {
    super()
  }

  override certify = (): Promise<Uint8Array> => Promise.reject(new Error('not in this test'))
  override deviceAuthority = (): Promise<Uint8Array> => Promise.reject(new Error('not in this test'))

  override status(namespace: string, process: string): Promise<SignerStatus> {
    const { rootVersion, sequences } = this
    const held = { rootVersion, policyVersion: 0, krlNumber: this.krl?.number ?? 0, sequences, keyIds: [] }
    return Promise.resolve({
      namespace,
      process,
      suspended: false,
      suspensionId: new Uint8Array(0),
      lastSeen: 0,
      sandboxed: false,
      ...held,
    })
  }

  override knowsImage(_namespace: string, imageSha256: Uint8Array): Promise<boolean> {
    return Promise.resolve(this.hashed.includes(toHex(imageSha256)))
  }

  override async hashImage(_namespace: string, image: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
    const hash = createHash('sha256')
    for await (const chunk of image) hash.update(chunk)
    const digest = new Uint8Array(hash.digest())
    this.hashed.push(toHex(digest))
    return digest
  }

  override async sign(_namespace: string, request: SignRequest): Promise<Uint8Array> {
    await this.gate()
    this.requireWilling()
    this.signed.push(request)
    const { sequence, classId } = parseManifest(request.manifest)
    this.sequences.set(toHex(classId), sequence)
    const block = await buildBlock(this.trust.roleKey('manifest-a'), manifestSha256(request.manifest))
    return this.spoil(encodeEnvelope(request.manifest, [block], request.text))
  }

  override async reSign(_namespace: string, request: ReSignRequest): Promise<Uint8Array> {
    await this.gate()
    this.requireWilling()
    this.reSigned.push(request)
    const block = await buildBlock(this.successor ?? this.trust.roleKey('manifest-a'), manifestSha256(request.manifest))
    return this.spoil(encodeEnvelope(request.manifest, [block], request.text))
  }

  override async signKrl(_namespace: string, request: KrlSignRequest): Promise<Uint8Array> {
    await this.gate()
    this.requireWilling()
    this.signedKrls.push(request)
    const bytes = await buildSign1(this.trust.roleKey('krl'), request.krl, labelOf('krl'))
    this.krl = { number: parseKrl(request.krl).number, bytes }
    return bytes
  }

  override importTrust(namespace: string, trust: TrustCourier): Promise<SignerStatus> {
    this.requireWilling()
    this.imported.push(trust)
    if (trust.krl !== null) this.krl = { number: numberOfKrl(trust.krl), bytes: trust.krl }
    this.rootVersion = trust.roots.length
    return this.status(namespace, 'release')
  }

  override follow(
    namespace: string,
    process: SignerProcess,
    operation: 'resume' | 'clock-reset',
    order: SignerOrder,
  ): Promise<SignerStatus> {
    this.requireWilling()
    this.ordered.push({ process, operation, order })
    return this.status(namespace, process)
  }

  override freshness(namespace: string, nonce: Uint8Array | null): Promise<Uint8Array> {
    const { krl, rootVersion } = this
    if (krl === null) throw new Refusal('SIGNER_REFUSED', { code: 'KRL_MISSING', check: 10 })
    const time = Math.floor(Date.now() / 1_000)
    const named = { rootVersion, krlNumber: krl.number, krlSha256: sha256(krl.bytes) }
    const statement = { namespace, time, expires: time + 86_400, ...named, ...(nonce === null ? {} : { nonce }) }
    return buildSign1(this.trust.roleKey('freshness'), encodeFreshness(statement), labelOf('freshness'))
  }

  override assign(): Promise<Uint8Array> {
    throw new Refusal('SIGNER_UNAVAILABLE', { why: 'not in this test' })
  }

  private requireWilling(): void {
    const { refusal } = this
    this.refusal = null
    if (refusal !== null) throw refusal
  }
}

const numberOfKrl = (bytes: Uint8Array): number =>
  parseKrl(parseSign1(bytes, MAX_KRL_BYTES).payload ?? new Uint8Array(0)).number
