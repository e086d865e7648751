import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBase64Url, sha256, toBase64Url, toHex, utf8 } from '../../src/domain/bytes.js'
import { encodeKrl, type Krl } from '../../src/domain/trust/krl.js'
import type { ApiRole } from '../../src/server/access/roles.decorator.js'
import type { ServerClock } from '../../src/server/clock/server-clock.port.js'
import type { Inspector } from '../../src/server/intake/inspection/inspector.port.js'
import type { ServerConfig } from '../../src/server/server-config.js'
import { TrustPublisher, type PublishedTrust } from '../../src/server/keys/trust-publisher.port.js'
import { ServerUnderTest } from './server-app.js'
import { SoftSigners } from './soft-signers.js'
import { TestDatabases } from './test-database.js'
import { CLASS_ID, TrustFixture } from './trust-fixture.js'

export interface Reply {
  readonly status: number
  /** Whatever JSON came; specs read members by name. */
  readonly body: Readonly<Record<string, unknown>>
}
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

interface BenchOptions {
  readonly maxUploadBytes?: number
  readonly trust?: TrustFixture
  readonly inspector?: Inspector
  readonly config?: Partial<ServerConfig>
  /** Of real signers; without them keys in memory sign. */
  readonly clock?: ServerClock
  readonly sockets?: { readonly releaseSigner: string; readonly onlineSigner: string }
}

class RecordingPublisher extends TrustPublisher {
  readonly published: PublishedTrust[] = []
  override publish(_namespace: string, trust: PublishedTrust): Promise<void> {
    this.published.push(trust)
    return Promise.resolve()
  }
}

/** One namespace with people, a real database and the whole server; signers with keys in memory, and no broker. */
export class PeopleBench {
  private readonly tokens = new Map<string, string>()
  private uploads = 0

  private constructor(
    readonly databases: TestDatabases,
    readonly server: ServerUnderTest,
    readonly trust: TrustFixture,
    readonly signers: SoftSigners,
    readonly publisher: RecordingPublisher,
    private readonly folder: string,
  ) {}

  static async start(options: BenchOptions = {}): Promise<PeopleBench> {
    const folder = await mkdtemp(join(tmpdir(), 'cs-people-'))
    const databases = await TestDatabases.start()
    const trust = options.trust ?? (await TrustFixture.make())
    const rootFile = join(folder, 'root-1.cbor')
    await writeFile(rootFile, trust.rootBytes)
    const signers = new SoftSigners(trust)
    const publisher = new RecordingPublisher()
    const classes = [{ name: 'gateway-b', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }]
    const sockets = options.sockets ?? { releaseSigner: 'unused', onlineSigner: 'unused' }
    const server = await ServerUnderTest.start({
      databaseUrl: await databases.create(),
      namespaces: [{ namespace: trust.namespace, rootFile, ...sockets, vendorDomain: 'vendor.example', classes }],
      maxUploadBytes: options.maxUploadBytes ?? 1_048_576,
      ...(options.config === undefined ? {} : { config: options.config }),
      world: {
        publisher,
        ...(options.sockets === undefined ? { signers } : {}),
        ...(options.clock === undefined ? {} : { clock: options.clock }),
        ...(options.inspector === undefined ? {} : { inspector: options.inspector }),
      },
    })
    return new PeopleBench(databases, server, trust, signers, publisher, folder)
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await this.databases.stop()
    await rm(this.folder, { recursive: true })
  }

  get base(): string {
    return `/api/v1/${this.trust.namespace}`
  }

  /** A call as somebody with that role and, where it matters, that name. */
  async call(method: Method, path: string, role: ApiRole, body?: object | Uint8Array, person = ''): Promise<Reply> {
    const headers: Record<string, string> = { authorization: `Bearer ${await this.token(role, person)}` }
    if (body instanceof Uint8Array) headers['content-type'] = 'application/octet-stream'
    const payload = body instanceof Uint8Array ? Buffer.from(body) : body
    const url = `${this.base}${path}`
    const answer = await this.server.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) })
    const isJson = String(answer.headers['content-type']).includes('json')
    return { status: answer.statusCode, body: isJson ? (answer.json() as Record<string, unknown>) : {} }
  }

  async token(role: ApiRole, person = ''): Promise<string> {
    const name = `${role} ${person}`
    const held = this.tokens.get(name)
    if (held !== undefined) return held
    const made = await this.server.token([role], person === '' ? null : person, this.trust.namespace)
    this.tokens.set(name, made)
    return made
  }

  /** Policy 1 and KRL 1, the way the first ceremony brings them. */
  async begin(): Promise<void> {
    await requireOk(this.postPolicy(this.trust.policyBytes))
    const request = await requireOk(this.requestKrl(this.trust.krl()))
    await requireOk(this.approveKrl(request.body, 'security-1'))
    await requireOk(this.approveKrl(request.body, 'security-2'))
  }

  postPolicy(bytes: Uint8Array): Promise<Reply> {
    return this.call('POST', '/trust/policies', 'security-officer', { policy: toBase64Url(bytes) })
  }

  requestKrl(krl: Krl): Promise<Reply> {
    return this.call('POST', '/krl-requests', 'security-officer', { krl: toBase64Url(encodeKrl(krl)) })
  }

  async approveKrl(request: Reply['body'], person: string, change: object = {}): Promise<Reply> {
    const subjectSha256 = new Uint8Array(Buffer.from(String(request['subjectSha256']), 'hex'))
    const fields = { operation: 'krl' as const, subjectSha256, requestId: String(request['requestId']), ...change }
    const approval = toBase64Url(await this.trust.approval(person, fields))
    return this.call('POST', `/krl-requests/${String(request['id'])}/approvals`, 'approver', { approval })
  }

  /** Firmware nobody uploaded before. */
  makeImage(): Uint8Array {
    this.uploads += 1
    return utf8(`firmware ${this.uploads} ${'.'.repeat(2_000)}`)
  }

  upload(image: Uint8Array, digest = toHex(sha256(image))): Promise<Reply> {
    return this.call('PUT', `/firmware/${digest}`, 'engineer', image)
  }

  async submit(image: Uint8Array, person = 'engineer-1', change: object = {}): Promise<Reply> {
    const imageSha256 = sha256(image)
    const about = { imageSha256, imageSizeBytes: image.length, version: '1.4.0', classId: CLASS_ID }
    const fields = { ...about, requestId: `request-${toHex(imageSha256).slice(0, 16)}`, ...change }
    const submission = toBase64Url(await this.trust.submission(person, fields))
    return this.call('POST', `/firmware/${toHex(imageSha256)}/submissions`, 'engineer', { submission })
  }

  /** A release of new firmware, awaiting approval. */
  async release(): Promise<Reply['body']> {
    const image = this.makeImage()
    await requireOk(this.upload(image))
    const submission = await requireOk(this.submit(image))
    const { requestId } = submission.body
    return (await requireOk(this.call('POST', '/releases', 'engineer', { requestId }))).body
  }

  /** An approval of exactly that release, signed by a person; `change` spoils it. */
  approval(release: Reply['body'], person: string, change: object = {}): Promise<Uint8Array> {
    const bytes = (name: string): Uint8Array => new Uint8Array(Buffer.from(String(release[name]), 'hex'))
    return this.trust.approval(person, {
      operation: 'sign',
      subjectSha256: bytes('manifestSha256'),
      requestId: String(release['requestId']),
      image: {
        imageSha256: bytes('imageSha256'),
        imageSizeBytes: Number(release['imageSizeBytes']),
        sequence: Number(release['sequence']),
        classId: bytes('classId'),
        version: String(release['version']),
      },
      ...change,
    })
  }

  async approve(release: Reply['body'], person: string, change: object = {}): Promise<Reply> {
    return this.sendApproval(release, await this.approval(release, person, change))
  }

  sendApproval(release: Reply['body'], approval: Uint8Array): Promise<Reply> {
    const body = { approval: toBase64Url(approval) }
    return this.call('POST', `/releases/${String(release['id'])}/approvals`, 'approver', body)
  }
}

async function requireOk(asked: Promise<Reply>): Promise<Reply> {
  const reply = await asked
  if (reply.status >= 300) throw new Error(`${reply.status} ${JSON.stringify(reply.body)}`)
  return reply
}

/** What of a refusal is compared: status, code, detail. */
export const refusalIn = ({ status, body }: Reply): object => ({ status, code: body['code'], detail: body['detail'] })

export const bytesIn = (body: Reply['body'], name: string): Uint8Array => {
  const bytes = findBase64Url(String(body[name]))
  if (bytes === null) throw new Error(`${name} is not base64url`)
  return bytes
}
