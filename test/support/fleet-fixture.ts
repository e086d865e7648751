import 'reflect-metadata'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { connectAsync, type MqttClient } from 'mqtt'
import { findBase64Url, fromHex, sha256, toBase64Url, toHex } from '../../src/domain/bytes.js'
import { wrappedSha256 } from '../../src/domain/suit/digest.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../../src/domain/suit/envelope.js'
import { encodeManifest } from '../../src/domain/suit/manifest.js'
import { encodeText } from '../../src/domain/suit/text.js'
import type { Krl } from '../../src/domain/trust/krl.js'
import { EmbeddedBroker } from '../../src/embedded/broker.js'
import type { ApiRole } from '../../src/server/access/roles.decorator.js'
import { TrustPublication } from '../../src/server/keys/trust-publication.service.js'
import { FirmwareWriter } from '../../src/server/storage/firmware-writer.service.js'
import { TrustService } from '../../src/server/keys/trust.service.js'
import type { RolloutView } from '../../src/server/rollout/rollout-views.service.js'
import { brokerConfig, clockOf, fleetNamespace, type FleetOptions } from './fleet-options.js'
import { FleetDevice, problemIn, type Answer, type Method } from './fleet-device.js'
import { FleetSigners } from './fleet-signers.js'
import { ServerUnderTest } from './server-app.js'
import { listenerOf, SoftAuthority, trustOf } from './soft-authority.js'
import { TestDatabases } from './test-database.js'
import { CLASS_ID, TrustFixture, VENDOR_ID } from './trust-fixture.js'

export const IMAGE = new Uint8Array(5_000).fill(7)

export interface TestRelease {
  readonly id: string
  readonly manifestSha256: Uint8Array
  readonly sequence: number
}

/** A server with a real database and a real broker, software signers, one namespace with policy and KRL 1. */
export class FleetFixture {
  readonly devices: FleetDevice[] = []
  readonly servers: ServerUnderTest[] = []
  private readonly clients: MqttClient[] = []
  private tokens = new Map<string, string>()

  private constructor(
    readonly folder: string,
    readonly databases: TestDatabases,
    readonly broker: EmbeddedBroker,
    readonly databaseUrl: string,
    readonly trust: TrustFixture,
    readonly signers: FleetSigners,
    private readonly options: FleetOptions,
  ) {}

  static async start(options: FleetOptions = {}): Promise<FleetFixture> {
    const folder = await mkdtemp(join(tmpdir(), 'cs-fleet-'))
    const databases = await TestDatabases.start({ isAlone: options.restartsPostgres === true })
    const nowSeconds = clockOf(options)
    const authority = options.withCertificates === true ? new SoftAuthority('gateway/prod', nowSeconds) : null
    const broker = await EmbeddedBroker.start({
      folder: join(folder, 'broker'),
      ...(await listenerOf(folder, authority)),
    })
    const trust = await TrustFixture.make({ now: nowSeconds(), ...trustOf(authority, options.policy) })
    await writeFile(join(folder, 'root-1.cbor'), trust.rootBytes)
    const signers = new FleetSigners(trust, nowSeconds, authority)
    const fixture = new FleetFixture(folder, databases, broker, await databases.create(), trust, signers, options)
    await fixture.startServer('server-1')
    await fixture.publishPolicy()
    await fixture.publishKrl({})
    return fixture
  }

  async startServer(instanceId: string, config: FleetOptions['config'] = {}): Promise<ServerUnderTest> {
    const { broker, trust } = this
    await mkdir(join(this.folder, instanceId))
    const server = await ServerUnderTest.start({
      databaseUrl: this.databaseUrl,
      namespaces: [fleetNamespace(trust.namespace, this.folder, this.options)],
      world: { signers: this.signers, ...this.options.world },
      config: {
        instanceId,
        storeDir: join(this.folder, 'store'),
        rolloutTickMs: 50,
        ...brokerConfig(broker),
        ...{ ...this.options.config, ...config },
      },
    })
    this.servers.push(server)
    return server
  }

  /** Stops the first server, lets something happen meanwhile, and starts it again under its name. */
  async restartServer(meanwhile: () => Promise<void>): Promise<void> {
    await this.server.stop()
    this.servers.shift()
    await meanwhile()
    await rm(join(this.folder, 'server-1'), { recursive: true })
    const server = await this.startServer('server-1')
    this.servers.splice(this.servers.indexOf(server), 1)
    this.servers.unshift(server)
  }

  get brokerFolder(): string {
    return join(this.folder, 'broker')
  }

  get server(): ServerUnderTest {
    const [server] = this.servers
    if (server === undefined) throw new Error('no server')
    return server
  }
  get app(): NestFastifyApplication {
    return this.server.app
  }
  get namespace(): string {
    return this.trust.namespace
  }
  get now(): number {
    return clockOf(this.options)()
  }

  async stop(): Promise<void> {
    for (const client of this.clients) await client.endAsync(true)
    for (const server of this.servers) await server.stop()
    await this.broker.stop()
    await this.databases.stop()
    await rm(this.folder, { recursive: true })
  }

  sql<T>(text: string, parameters: unknown[] = []): Promise<T[]> {
    return this.server.database.query<T[]>(text, parameters)
  }

  async publishPolicy(): Promise<void> {
    await this.storeDocument('policy', this.trust.policy.version, this.trust.policyBytes)
  }

  /** Publishes the policy after the fixture's, under which nobody else than ours is let in. */
  async publishPolicyWithoutLegacy(): Promise<void> {
    const { legacy: _, ...rest } = this.trust.policy
    const { policy, bytes } = await this.trust.nextPolicy({}, rest)
    await this.storeDocument('policy', policy.version, bytes)
  }

  /** Publishes a KRL as the server does after signing it. */
  async publishKrl(change: Partial<Krl>): Promise<void> {
    const krl = this.trust.krl(change)
    const bytes = await this.trust.signKrl(krl)
    this.signers.krl = { number: krl.number, bytes }
    await this.storeDocument('krl', krl.number, bytes)
    await this.app.get(TrustPublication).announce(this.namespace)
  }

  private async storeDocument(kind: string, version: number, bytes: Uint8Array): Promise<void> {
    await this.sql(
      'INSERT INTO trust_document (namespace, kind, version, document, stored_ms) VALUES ($1, $2, $3, $4, $5)',
      [this.namespace, kind, version, Buffer.from(bytes), this.now * 1_000],
    )
    for (const server of this.servers) await server.app.get(TrustService).reload(this.namespace)
  }

  async storeImage(image: Uint8Array): Promise<void> {
    const writer = this.app.get(FirmwareWriter)
    const upload = { id: randomUUID(), sha256: sha256(image), sizeBytes: image.length }
    await writer.append(upload, 0, Readable.from([Buffer.from(image)]))
    await writer.publish(upload)
  }

  /** Connects as a device; `seen` gets what the broker delivers to it. */
  async listen(
    device: FleetDevice,
    topic: string,
    seen: (topic: string, payload: Uint8Array) => void,
  ): Promise<MqttClient> {
    const { username, password } = device.account?.mqtt ?? { username: '', password: '' }
    const client = await connectAsync(this.broker.deviceUrl, {
      username,
      password,
      clientId: username,
      protocolVersion: 5,
      reconnectPeriod: 0,
    })
    client.on('message', (on, payload) => seen(on, new Uint8Array(payload)))
    await client.subscribeAsync(topic, { qos: 1 })
    this.clients.push(client)
    return client
  }

  /** A signed release with its firmware, as intake and signers would leave them. */
  async release(sequence: number, image: Uint8Array = IMAGE): Promise<TestRelease> {
    const text = encodeText({ description: `Release ${sequence}` })
    const manifest = encodeManifest({
      sequence,
      vendorId: VENDOR_ID,
      classId: CLASS_ID,
      textSha256: wrappedSha256(text),
      imageSha256: sha256(image),
      imageSizeBytes: image.length,
      version: `1.${sequence}.0`,
    })
    const digest = manifestSha256(manifest)
    const envelope = encodeEnvelope(manifest, [await buildBlock(this.trust.roleKey('manifest-a'), digest)], text)
    const id = randomUUID()
    const key = [this.namespace, Buffer.from(sha256(image))]
    await this.sql(
      `INSERT INTO firmware (namespace, sha256, size_bytes, uploaded_at, uploaded_by, used_at) VALUES ($1, $2, $3, 1, 'test', 1) ON CONFLICT DO NOTHING`,
      [...key, image.length],
    )
    await this.sql(
      `INSERT INTO submission (namespace, image_sha256, request_id, version, class_id, person, document, signed_at, received_at)
       VALUES ($1, $2, $3, $4, $5, 'engineer-1', '\\x00', 1, 1)`,
      [...key, `request-${id}`, `1.${sequence}.0`, Buffer.from(CLASS_ID)],
    )
    await this.sql(
      `INSERT INTO release (id, namespace, request_id, state, sequence, version, class_id, image_sha256, image_size_bytes, manifest,
         manifest_sha256, manifest_text, envelope, policy_version, created_at, created_by, signed_at)
       VALUES ($3, $1, $4, 'signed', $5, $6, $7, $2, $8, $9, $10, $11, $12, 1, 1, 'test', 1)`,
      [
        ...key,
        id,
        `request-${id}`,
        sequence,
        `1.${sequence}.0`,
        Buffer.from(CLASS_ID),
        image.length,
        ...[manifest, digest, text, envelope].map((bytes) => Buffer.from(bytes)),
      ],
    )
    this.signers.sequences.set(toHex(digest), sequence)
    return { id, manifestSha256: digest, sequence }
  }

  async enrolDevices(count: number): Promise<readonly FleetDevice[]> {
    const claim = await this.claim(count)
    const devices = Array.from({ length: count }, () => new FleetDevice(() => this.app, this.namespace))
    const answers = await Promise.all(devices.map((device) => device.enrol(claim)))
    const refused = answers.find((answer) => answer.statusCode !== 200)
    if (refused !== undefined) throw new Error(JSON.stringify(problemIn(refused)))
    this.devices.push(...devices)
    return devices
  }

  async claim(uses: number): Promise<string> {
    const body = { className: 'gateway-r2', uses, expires: this.now + 600 }
    return (await this.call<{ token: string }>('POST', '/claim-tokens', body)).token
  }

  device(id: string): FleetDevice {
    const device = this.devices.find((each) => each.id === id)
    if (device === undefined) throw new Error(`no device ${id}`)
    return device
  }

  /** A call of a person with that role; an answer that is not a success is an error of the test. */
  async call<T>(method: Method, path: string, body?: object, role: ApiRole = 'fleet-manager'): Promise<T> {
    const answer = await this.raw(method, path, body, role)
    if (answer.statusCode >= 300) throw new Error(JSON.stringify(problemIn(answer)))
    return JSON.parse(answer.rawPayload.toString() || 'null') as T
  }

  async raw(method: Method, path: string, body?: object, role: ApiRole = 'fleet-manager'): Promise<Answer> {
    const token = this.tokens.get(role) ?? (await this.server.token([role], null, this.namespace, this.now))
    this.tokens.set(role, token)
    return this.app.inject({
      method,
      url: `/api/v1/${this.namespace}${path}`,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { payload: body }),
    })
  }

  /** Creates a rollout over these devices, approved by fleet-1. Not started. */
  async rollout(
    release: TestRelease,
    devices: readonly { readonly id: string }[],
    change: object = {},
  ): Promise<RolloutView> {
    const created = await this.call<RolloutView>('POST', '/rollouts', {
      releaseId: release.id,
      stages: [{ devices: 3 }, { percent: 50 }, { percent: 100 }],
      gate: { confirmedPercent: 100 },
      failureLimit: { count: 0 },
      ...{ devicesPerHour: 10_000, devicesTotal: 10_000 },
      filter: { deviceIds: devices.map((device) => device.id) },
      ...change,
    })
    return this.approve(created)
  }

  async approve(rollout: RolloutView, person = 'fleet-1'): Promise<RolloutView> {
    const approval = await this.trust.approval(person, {
      operation: 'rollout',
      subjectSha256: fromHex(rollout.planSha256),
      requestId: rollout.id,
      ...{ notBefore: this.now - 60, expires: this.now + 3_600 },
    })
    return this.call('POST', `/rollouts/${rollout.id}/approvals`, { approval: toBase64Url(approval) })
  }

  show(id: string): Promise<RolloutView> {
    return this.call('GET', `/rollouts/${id}`)
  }

  /** Waits until it holds; the last view otherwise is the error. */
  async until(id: string, holds: (view: RolloutView) => boolean, limitMs = 60_000): Promise<RolloutView> {
    const end = Date.now() + limitMs
    for (;;) {
      const view = await this.show(id)
      if (holds(view)) return view
      if (Date.now() > end) throw new Error(`not reached: ${JSON.stringify({ ...view, plan: '', approvals: [] })}`)
      await sleep(25)
    }
  }

  /** Devices of a rollout in that state. */
  async in(id: string, state: string): Promise<readonly FleetDevice[]> {
    const { items } = await this.call<{ items: { deviceId: string }[] }>(
      'GET',
      `/rollouts/${id}/deployments?state=${state}&limit=1000`,
    )
    return items.map((each) => this.device(each.deviceId))
  }

  /** The device installs the release and says so. */
  async confirm(device: FleetDevice, release: TestRelease, rolloutId: string): Promise<void> {
    device.running = { manifestSha256: release.manifestSha256, sequence: release.sequence }
    await device.report({ state: 'confirmed', rolloutId })
  }
}

/** Waits until it gives something else than null. */
export async function eventually<T>(look: () => Promise<T | null> | T | null, limitMs = 60_000): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const found = await look()
    if (found !== null) return found
    if (Date.now() > end) throw new Error('never happened')
    await sleep(20)
  }
}

export const bytesIn = (text: string): Uint8Array => findBase64Url(text) ?? new Uint8Array(0)
