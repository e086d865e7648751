import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sha256 } from '../../src/domain/bytes.js'
import { Clock } from '../../src/domain/clock.js'
import { ED25519, ESP256 } from '../../src/domain/cose/algorithms.js'
import { wrappedSha256 } from '../../src/domain/suit/digest.js'
import { manifestSha256 } from '../../src/domain/suit/envelope.js'
import { encodeManifest, type Manifest } from '../../src/domain/suit/manifest.js'
import { encodeText } from '../../src/domain/suit/text.js'
import type { Approval } from '../../src/domain/trust/approval.js'
import { encodeKrl, type Krl } from '../../src/domain/trust/krl.js'
import type { Policy } from '../../src/domain/trust/policy.js'
import { encodeRolloutPlan, type RolloutPlan } from '../../src/domain/trust/rollout-plan.js'
import type { Submission } from '../../src/domain/trust/submission.js'
import type { SignerRequest, TrustCourier } from '../../src/protocol/signer-socket.js'
import { SignerClient } from '../../src/server/signing/signer-client.js'
import type { SignerConfig } from '../../src/signer/config.js'
import { SignerLog } from '../../src/signer/host/signer-log.js'
import type { MachineUptime } from '../../src/signer/host/system-clock.js'
import { startSigner, type RunningSigner } from '../../src/signer/start-signer.js'
import { generateKey } from '../../src/token/generate-key.js'
import { Pkcs11Token } from '../../src/token/pkcs11-token.js'
import type { Token } from '../../src/token/token.port.js'
import { createScratchToken, type TokenUnderTest } from './scratch-token.js'
import type { PublicKey } from './soft-key.js'
import { CLASS_ID, TrustFixture, VENDOR_ID, type FixtureOptions } from './trust-fixture.js'

export type SignRequest = Extract<SignerRequest, { operation: 'sign' }>
type Unnamed<T> = Omit<T, 'operation'>

/** A clock that a test sets. */
export class HandClock extends Clock {
  constructor(public seconds: number) {
    super()
  }
  override nowSeconds(): number {
    return this.seconds
  }
}

/** An uptime that runs with a hand clock, until a test tears them apart. */
export class HandUptime implements MachineUptime {
  bootId = 'boot-1'
  constructor(private readonly clock: HandClock) {}
  /** Seconds by which the clock was set forward without the machine ageing. */
  jumpSeconds = 0
  seconds(): number {
    return this.clock.seconds - this.jumpSeconds - 1_700_000_000
  }
}

/** What a release is made of in a test; everything has a good value unless it is given. */
export interface ReleaseWish {
  readonly requestId?: string
  readonly image?: Uint8Array
  readonly manifest?: Partial<Manifest>
  readonly submission?: Partial<Submission>
  readonly submitter?: string
  readonly approvers?: readonly string[]
  readonly approval?: Partial<Approval>
}

/** A token with the keys of both signers; software keys stand in for roles that it has none for. */
export interface FixtureToken {
  readonly scratch: TokenUnderTest
  readonly keys: ReadonlyMap<string, PublicKey>
  open(): Promise<Token>
  dispose(): Promise<void>
}

/** What a fixture takes from outside. */
export interface FixtureParts {
  /** Used by several fixtures and not disposed by any. One of its own by default. */
  readonly token?: FixtureToken
  /** Where its folder is made. */
  readonly parent?: string
}

export async function makeFixtureToken(withDeviceCa = false): Promise<FixtureToken> {
  const scratch = createScratchToken()
  const keys = new Map<string, PublicKey>()
  for (const role of ['manifest-a', 'krl', 'assignment', 'freshness', ...(withDeviceCa ? ['device-ca'] : [])]) {
    const wanted = role === 'device-ca' ? ESP256 : ED25519
    const { key, keyId, algorithm } = await generateKey(scratch, { role, algorithm: wanted })
    keys.set(role, { key, alg: algorithm, keyIdHex: keyId })
  }
  return {
    scratch,
    keys,
    open: () => Pkcs11Token.open({ ...scratch, keys: [], sessions: 8 }),
    dispose: () => {
      scratch.dispose()
      return Promise.resolve()
    },
  }
}

export interface SignerFixtureOptions extends FixtureOptions {
  /** Makes what the policy will name, such as key files of people. */
  readonly prepare?: (folder: string) => void
  /** The online signer also holds the key that issues certificates to devices. */
  readonly withDeviceCa?: boolean
}

/** A namespace, a token with the keys of both signers, and the signers on their sockets. */
export class SignerFixture {
  private running: { readonly name: string; readonly signer: RunningSigner }[] = []
  private readonly clients: SignerClient[] = []
  /** Lines of the signers' logs. */
  readonly log: string[] = []
  readonly uptime: HandUptime
  readonly token: TokenUnderTest
  readonly keyIds: ReadonlyMap<string, string>
  /** The policy that couriers bring and approvals name. */
  policyHeld: { readonly policy: Policy; readonly bytes: Uint8Array }
  /** Put between signer and token by tests that count or break signatures. */
  wrapToken: (token: Token) => Token = (token) => token

  private constructor(
    readonly folder: string,
    private readonly own: FixtureToken,
    private readonly isTokenShared: boolean,
    readonly clock: HandClock,
    readonly trust: TrustFixture,
  ) {
    this.token = own.scratch
    this.keyIds = new Map([...own.keys].map(([role, { keyIdHex }]) => [role, keyIdHex]))
    this.uptime = new HandUptime(clock)
    this.policyHeld = { policy: trust.policy, bytes: trust.policyBytes }
  }

  static async make(
    options: SignerFixtureOptions = {},
    { token, parent = tmpdir() }: FixtureParts = {},
  ): Promise<SignerFixture> {
    const folder = mkdtempSync(join(parent, 'countersign-signer-'))
    options.prepare?.(folder)
    const own = token ?? (await makeFixtureToken(options.withDeviceCa))
    const clock = new HandClock(options.now ?? Math.floor(Date.now() / 1000))
    const roleKeys = Object.fromEntries([...own.keys].map(([role, key]) => [role, [key]]))
    const root = options.withDeviceCa === true ? { algorithms: [ED25519, ESP256], ...options.root } : options.root
    const trust = await TrustFixture.make({ ...options, ...(root && { root }), now: clock.seconds, roleKeys })
    for (const name of ['release', 'online', 'published']) mkdirSync(join(folder, name))
    writeFileSync(join(folder, 'root-1.cbor'), trust.rootBytes)
    return new SignerFixture(folder, own, token !== undefined, clock, trust)
  }

  config(name: 'release' | 'online'): SignerConfig {
    return {
      SIGNER_PROCESS: name,
      SIGNER_NAMESPACE: this.trust.namespace,
      SIGNER_SOCKET: join(this.folder, `${name}.sock`),
      SIGNER_STATE_DIR: join(this.folder, name),
      SIGNER_PUBLISHED_DIR: join(this.folder, 'published'),
      SIGNER_ROOT_FILE: join(this.folder, 'root-1.cbor'),
      SIGNER_SANDBOX: 'off',
      PROFILE: 'laptop',
      PKCS11_MODULE: this.token.modulePath,
      PKCS11_TOKEN_LABEL: this.token.label,
      PKCS11_PIN_FILE: this.token.pinFile,
    }
  }

  /** Starts a signer and gives a client of it. */
  async start(name: 'release' | 'online', change: Partial<SignerConfig> = {}): Promise<SignerClient> {
    const config = { ...this.config(name), ...change }
    const signer = await startSigner(config, {
      clock: this.clock,
      uptime: this.uptime,
      log: new SignerLog(name, (line) => void this.log.push(line)),
      openToken: async () => this.wrapToken(await this.own.open()),
    })
    this.running.push({ name, signer })
    const client = new SignerClient(config.SIGNER_SOCKET)
    this.clients.push(client)
    return client
  }

  async stop(name: 'release' | 'online'): Promise<void> {
    const stopping = this.running.filter((one) => one.name === name)
    this.running = this.running.filter((one) => one.name !== name)
    for (const { signer } of stopping) await signer.stop()
  }

  async dispose(): Promise<void> {
    for (const client of this.clients) await client.close()
    await this.stop('online')
    await this.stop('release')
    if (!this.isTokenShared) await this.own.dispose()
    rmSync(this.folder, { recursive: true, force: true })
  }

  courier(change: Partial<TrustCourier> = {}): TrustCourier {
    return { roots: [this.trust.rootBytes], policy: this.policyHeld.bytes, krl: null, ...change }
  }

  /** A KRL request with two approvals by security. */
  async krlRequest(
    krl: Krl,
    approvers: readonly string[] = ['security-1', 'security-2'],
    approval: Partial<Approval> = {},
  ): Promise<Unnamed<Extract<SignerRequest, { operation: 'krl' }>>> {
    const payload = encodeKrl(krl)
    const requestId = `krl-${krl.number}-${randomBytes(4).toString('hex')}`
    const { version: policyVersion } = this.policyHeld.policy
    const fields = { operation: 'krl' as const, subjectSha256: sha256(payload), requestId, policyVersion, ...approval }
    const approvals = await Promise.all(approvers.map((person) => this.trust.approval(person, fields)))
    return { trust: this.courier(), requestId, approvals, krl: payload }
  }

  /** Signs the first KRL, so that releases may be signed. */
  async signFirstKrl(release: SignerClient): Promise<Uint8Array> {
    return (await release.request('krl', await this.krlRequest(this.trust.krl()))).krl
  }

  /** A sign request that passes every check, once its image was hashed. */
  async signRequest(sequence: number, wish: ReleaseWish = {}): Promise<Unnamed<SignRequest>> {
    const { trust } = this
    const image = wish.image ?? imageOf(sequence)
    const requestId = wish.requestId ?? `release-${sequence}-${randomBytes(4).toString('hex')}`
    const text = encodeText({ description: `Release ${sequence}` })
    const about = {
      imageSha256: sha256(image),
      imageSizeBytes: image.length,
      version: `1.${sequence}.0`,
      classId: CLASS_ID,
    }
    const fields = { sequence, vendorId: VENDOR_ID, textSha256: wrappedSha256(text), ...about, ...wish.manifest }
    const manifest = encodeManifest(fields)
    const submission = await trust.submission(wish.submitter ?? 'engineer-1', {
      ...about,
      requestId,
      ...wish.submission,
    })
    const { imageSha256, imageSizeBytes, classId, version } = fields
    const approval = {
      operation: 'sign' as const,
      subjectSha256: manifestSha256(manifest),
      requestId,
      policyVersion: this.policyHeld.policy.version,
      image: { imageSha256, imageSizeBytes, sequence: fields.sequence, classId, version },
      ...wish.approval,
    }
    const approvers = wish.approvers ?? ['manager-1', 'manager-2']
    const approvals = await Promise.all(approvers.map((person) => trust.approval(person, approval)))
    return { trust: this.courier(), requestId, submission, approvals, manifest, text }
  }

  /** Hashes the image and signs the release. @returns envelope and SUIT digest. */
  async signRelease(release: SignerClient, sequence: number): Promise<{ envelope: Uint8Array; digest: Uint8Array }> {
    const image = imageOf(sequence)
    await release.hashImage(piecesOf(image), image.length)
    const request = await this.signRequest(sequence)
    const { envelope } = await release.request('sign', request)
    return { envelope, digest: manifestSha256(request.manifest) }
  }

  plan(manifests: readonly Uint8Array[], change: Partial<RolloutPlan> = {}): RolloutPlan {
    return {
      namespace: this.trust.namespace,
      rolloutId: 'rollout-1',
      manifests,
      devicesPerHour: 100,
      devicesTotal: 1_000,
      notBefore: this.clock.seconds - 60,
      expires: this.clock.seconds + 7 * 86_400,
      ...change,
    }
  }

  /** Plan bytes and approvals over them. */
  async approvedPlan(
    plan: RolloutPlan,
    approvers: readonly string[] = ['fleet-1'],
    approval: Partial<Approval> = {},
  ): Promise<{ plan: Uint8Array; approvals: readonly Uint8Array[] }> {
    const bytes = encodeRolloutPlan(plan)
    const fields = {
      operation: 'rollout' as const,
      subjectSha256: sha256(bytes),
      requestId: plan.rolloutId,
      policyVersion: this.policyHeld.policy.version,
      ...approval,
    }
    return {
      plan: bytes,
      approvals: await Promise.all(approvers.map((person) => this.trust.approval(person, fields))),
    }
  }
}

/** A small image of its own for every number. */
export const imageOf = (seed: number, sizeBytes = 4_096): Uint8Array => {
  const block = createHash('sha256').update(String(seed)).digest()
  return new Uint8Array(Buffer.alloc(sizeBytes, block))
}

export const deviceIdOf = (seed: number): string => createHash('sha256').update(`device ${seed}`).digest('hex')

/** An image in pieces, as a store gives it. */
export async function* piecesOf(image: Uint8Array, pieceBytes = 1_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < image.length; at += pieceBytes) yield image.subarray(at, at + pieceBytes)
}
