import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { manifestSha256 } from '../../src/domain/suit/envelope.js'
import { parseManifest } from '../../src/domain/suit/manifest.js'
import type { Approval } from '../../src/domain/trust/approval.js'
import type { Krl } from '../../src/domain/trust/krl.js'
import type { KeyRole } from '../../src/domain/trust/roles.js'
import type { RolloutPlan } from '../../src/domain/trust/rollout-plan.js'
import type { RootKey } from '../../src/domain/trust/root.js'
import { encodeClockResetOrder, encodeResumeOrder } from '../../src/domain/trust/signer-order.js'
import type { ClockResetOrder, ResumeOrder } from '../../src/domain/trust/signer-order.js'
import type { SignerRequest } from '../../src/protocol/signer-socket.js'
import type { SignerClient } from '../../src/server/signing/signer-client.js'
import { deviceIdOf, imageOf, piecesOf, SignerFixture } from '../support/signer-fixture.js'
import type { ReleaseWish, SignerFixtureOptions, SignRequest } from '../support/signer-fixture.js'
import type { TrustFixture } from '../support/trust-fixture.js'
import { CLASS_ID } from '../support/trust-fixture.js'
import { memoryFolder } from './memory-folder.js'
import { NOW } from './scene.js'
import { sharedToken } from './shared-token.js'
import { judge, sendBytes } from './signer-verdict.js'
import type { Verdict } from './verdict.js'

type Name = 'release' | 'online'
type Members<O extends SignerRequest['operation']> = Omit<Extract<SignerRequest, { operation: O }>, 'operation'>
type Asked<O extends Exclude<SignerRequest['operation'], 'hash-image'>> = Partial<Members<O>>

/** What an order of people is about; everything has a good value unless it is given. */
export interface OrderWish<T> {
  readonly order?: Partial<T>
  readonly approvers?: readonly string[]
  readonly approval?: Partial<Approval>
}

/** What is asked of the online signer. */
export interface AssignWish {
  readonly device?: number
  readonly digest?: Uint8Array
  readonly plan?: Partial<RolloutPlan>
  readonly approvers?: readonly string[]
  readonly approval?: Partial<Approval>
  readonly asked?: Asked<'assign'>
}

const MANAGERS = ['manager-1', 'manager-2']
const SECURITY = ['security-1', 'security-2']

/** Both signers of the real code on a real token, and a thief who holds everything around them. */
export class SignerScene {
  private release: SignerClient | null = null
  private online: SignerClient | null = null
  private krlBytes: Uint8Array = new Uint8Array(0)
  private krlNumber = 0

  private constructor(readonly fixture: SignerFixture) {}

  static async make(options: SignerFixtureOptions = {}): Promise<SignerScene> {
    const parts = { token: await sharedToken(options.withDeviceCa), parent: memoryFolder() }
    return new SignerScene(await SignerFixture.make({ now: NOW, ...options }, parts))
  }

  close(): Promise<void> {
    return this.fixture.dispose()
  }

  get trust(): TrustFixture {
    return this.fixture.trust
  }
  /** Lets time pass, for the clock and the machine. */
  pass(seconds: number): void {
    this.fixture.clock.seconds += seconds
  }
  get now(): number {
    return this.fixture.clock.seconds
  }
  keyOf(role: string): string {
    return this.fixture.keyIds.get(role) ?? ''
  }

  /** The connection to the release signer, which has signed KRL 1 by then and hashed image 1. */
  async releaseSigner(): Promise<SignerClient> {
    return this.release ?? this.begin()
  }

  /** The release signer before anything was asked of it. */
  async freshReleaseSigner(change: Parameters<SignerFixture['start']>[1] = {}): Promise<SignerClient> {
    this.release ??= await this.fixture.start('release', change)
    return this.release
  }

  private async begin(): Promise<SignerClient> {
    const release = await this.freshReleaseSigner()
    await this.signKrl({})
    await this.hash(1)
    return release
  }

  async onlineSigner(): Promise<SignerClient> {
    await this.releaseSigner()
    this.online ??= await this.fixture.start('online')
    return this.online
  }

  async hash(seed: number, bytes?: number): Promise<void> {
    const image = imageOf(seed, bytes)
    await (await this.freshReleaseSigner()).hashImage(piecesOf(image), image.length)
  }

  /** An honest release of sequence n; its request, to be used again, and what came of it. */
  async signRelease(sequence = 1): Promise<Members<'sign'> & { envelope: Uint8Array; digest: Uint8Array }> {
    const release = await this.releaseSigner()
    const request = await this.fixture.signRequest(sequence, { image: imageOf(1) })
    const { envelope } = await release.request('sign', request)
    return { ...request, envelope, digest: manifestSha256(request.manifest) }
  }

  /** An honest KRL. */
  async signKrl(change: Partial<Krl>): Promise<Uint8Array> {
    return this.askKrl(await this.freshReleaseSigner(), change, SECURITY, {})
  }

  /** Asks for KRL 2, or whichever is next. */
  async krl(
    change: Partial<Krl>,
    approvers: readonly string[] = SECURITY,
    approval: Partial<Approval> = {},
  ): Promise<Verdict> {
    return judge(this.askKrl(await this.releaseSigner(), change, approvers, approval))
  }

  private async askKrl(
    release: SignerClient,
    change: Partial<Krl>,
    approvers: readonly string[],
    approval: Partial<Approval>,
  ): Promise<Uint8Array> {
    const asked = this.nextKrl(change)
    const { requestId, ...request } = await this.fixture.krlRequest(asked, approvers, approval)
    this.krlBytes = (await release.request('krl', { ...request, requestId: approval.requestId ?? requestId })).krl
    this.krlNumber = asked.number
    return this.krlBytes
  }

  private nextKrl(change: Partial<Krl>): Krl {
    const previousSha256 = this.krlNumber === 0 ? new Uint8Array(32) : sha256(this.krlBytes)
    return this.trust.krl({ number: this.krlNumber + 1, previousSha256, ...change })
  }

  /** Brings documents to the release signer, as anybody may. */
  async bring(change: Parameters<SignerFixture['courier']>[0]): Promise<Verdict> {
    const release = await this.releaseSigner()
    return judge(release.request('import', { trust: this.fixture.courier(change) }))
  }

  /** The next root, in which a role has this key of the token with this life. */
  async rootWith(
    role: KeyRole,
    ofRole: KeyRole,
    life: Partial<Pick<RootKey, 'notBefore' | 'notAfter'>>,
  ): Promise<Uint8Array> {
    const { root } = this.trust
    const keyId = this.keyOf(ofRole)
    const key = root.keys.get(keyId)
    if (key === undefined) throw new Error(`no key of role ${ofRole}`)
    const roles = new Map(root.roles)
    if (role !== ofRole) roles.delete(ofRole)
    roles.set(role, { threshold: 1, keyIds: [keyId] })
    return (await this.trust.nextRoot({ roles, keys: new Map(root.keys).set(keyId, { ...key, ...life }) })).bytes
  }

  /** @throws when what has to happen before the attack was refused. */
  async must(verdict: Promise<Verdict>): Promise<void> {
    const { code, step } = await verdict
    if (code !== 'SIGNED') throw new Error(`the attack could not begin: ${code} at check ${step}`)
  }

  /** Asks for a release, by default of sequence 1 and image 1. */
  async sign(
    wish: ReleaseWish & { readonly sequence?: number } = {},
    change: Change<SignRequest> = same,
  ): Promise<Verdict> {
    const release = await this.releaseSigner()
    const request = await this.fixture.signRequest(wish.sequence ?? 1, { image: imageOf(1), ...wish })
    return judge(release.request('sign', await change(request)))
  }

  /** What a good approval of a request for a release says. */
  approvalOf({ manifest, requestId }: Pick<Members<'sign'>, 'manifest' | 'requestId'>): Approval {
    return {
      namespace: this.trust.namespace,
      operation: 'sign',
      subjectSha256: manifestSha256(manifest),
      requestId,
      notBefore: this.now - 60,
      expires: this.now + 3_600,
      policyVersion: 1,
      role: 'release-manager',
      image: parseManifest(manifest),
    }
  }

  /** Asks to sign a release once more, that was signed before. */
  async reSign(
    was: Pick<Members<'sign'>, 'manifest' | 'text'>,
    approval: Partial<Approval> = {},
    asked: Asked<'re-sign'> = {},
  ): Promise<Verdict> {
    const requestId = 're-sign-1'
    const { manifest, text } = was
    const image = parseManifest(manifest)
    const subjectSha256 = manifestSha256(manifest)
    const fields = { operation: 're-sign' as const, subjectSha256, requestId, image, ...approval }
    const approvals = await this.approve(MANAGERS, fields)
    const request = { trust: this.fixture.courier(), requestId, approvals, manifest, text, ...asked }
    return judge((await this.releaseSigner()).request('re-sign', request))
  }

  /** Asks for an assignment of a release that was signed and published. */
  async assign(wish: AssignWish & { readonly digest: Uint8Array }): Promise<Verdict> {
    const { device = 1, digest, plan = {}, approvers = ['fleet-1'], approval = {}, asked = {} } = wish
    const approved = await this.fixture.approvedPlan(this.fixture.plan([digest], plan), approvers, approval)
    const request = { deviceId: deviceIdOf(device), manifestSha256: digest, ...approved, ...asked }
    return judge((await this.onlineSigner()).request('assign', request))
  }

  async freshness(): Promise<Verdict> {
    return judge((await this.onlineSigner()).request('freshness', { nonce: null }))
  }

  async resume(
    name: Name,
    { order, approvers = SECURITY, approval = {} }: OrderWish<ResumeOrder> = {},
  ): Promise<Verdict> {
    const signer = await this.signer(name)
    const { suspensionId } = await signer.request('status', {})
    const bytes = encodeResumeOrder({
      namespace: this.trust.namespace,
      process: name,
      suspensionId,
      sequences: new Map([[toHex(CLASS_ID), 1]]),
      leastKrlNumber: 1,
      ...order,
    })
    return judge(signer.request('resume', await this.ordered('resume-signer', bytes, approvers, approval)))
  }

  async clockReset({ order, approvers = SECURITY, approval = {} }: OrderWish<ClockResetOrder> = {}): Promise<Verdict> {
    const release = await this.releaseSigner()
    const { lastSeen } = await release.request('status', {})
    const life = { notBefore: this.now - 60, expires: this.now + 3_600 }
    const common = { namespace: this.trust.namespace, process: 'release' as const, lastSeen }
    const bytes = encodeClockResetOrder({ ...common, ...life, ...order })
    const ask = await this.ordered('clock-reset', bytes, approvers, { ...life, ...approval })
    return judge(release.request('clock-reset', ask))
  }

  private async ordered(
    operation: 'resume-signer' | 'clock-reset',
    order: Uint8Array,
    approvers: readonly string[],
    approval: Partial<Approval>,
  ): Promise<Members<'resume'>> {
    const requestId = `${operation}-1`
    const fields = { operation, subjectSha256: sha256(order), requestId, ...approval }
    return { requestId, approvals: await this.approve(approvers, fields), order }
  }

  approve(people: readonly string[], fields: Parameters<TrustFixture['approval']>[1]): Promise<Uint8Array[]> {
    return Promise.all(people.map((person) => this.trust.approval(person, fields)))
  }

  private signer(name: Name): Promise<SignerClient> {
    return name === 'release' ? this.releaseSigner() : this.onlineSigner()
  }

  /** Stops a signer, does something to its host, and starts it again. */
  async restart(name: Name, between: (folder: string) => void = () => undefined): Promise<void> {
    await this.signer(name)
    await this.fixture.stop(name)
    between(join(this.fixture.folder, name))
    const client = await this.fixture.start(name)
    if (name === 'release') this.release = client
    else this.online = client
  }

  /** Copies a signer's state, lets something happen, and puts the copy back. */
  async restore(name: Name, meanwhile: () => Promise<unknown>): Promise<void> {
    const copy = join(this.fixture.folder, 'copy')
    await this.restart(name, (folder) => cpSync(folder, copy, { recursive: true }))
    await meanwhile()
    await this.restart(name, (folder) => {
      rmSync(folder, { recursive: true })
      cpSync(copy, folder, { recursive: true })
    })
  }

  /** Writes into the folder from which the online signer learns. */
  publish(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.fixture.folder, 'published', name), bytes)
  }

  /** Writes bytes to a signer's socket as they are. */
  async send(name: Name, bytes: Uint8Array): Promise<Verdict> {
    await this.signer(name)
    return sendBytes(this.fixture.config(name).SIGNER_SOCKET, bytes)
  }
}

type Change<R> = (request: Omit<R, 'operation'>) => Omit<R, 'operation'> | Promise<Omit<R, 'operation'>>
const same: Change<SignRequest> = (request) => request
