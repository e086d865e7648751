import { writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { fromHex, toBase64Url, toHex } from '../../src/domain/bytes.js'
import { EmbeddedBroker } from '../../src/embedded/broker.js'
import { Fleet } from '../../device-sim/fleet.js'
import { eventually, FleetFixture, IMAGE, type TestRelease } from '../support/fleet-fixture.js'
import { CLASS_ID, VENDOR_ID } from '../support/trust-fixture.js'
import { Ledger } from './ledger.js'
import { ServerInstance } from './server-instance.js'
import { SignerDoor } from './signer-door.js'

const LONG_MS = 90_000
const HOUR_MS = 3_600_000

/** Servers as processes of their own, with everything around them that outlives them. */
export class CrashScene {
  readonly ledger: Ledger
  readonly sims: Fleet[] = []
  private token = ''
  private claim = ''

  private constructor(
    readonly fixture: FleetFixture,
    readonly door: SignerDoor,
    readonly servers: readonly ServerInstance[],
  ) {
    this.ledger = new Ledger(fixture.databaseUrl)
  }

  /** @param instances servers, none of them running yet. */
  static async set(instances: number): Promise<CrashScene> {
    // Its own server makes what people would have made, and is gone before the first rollout.
    const fixture = await FleetFixture.start({ restartsPostgres: true, config: { rolloutTickMs: HOUR_MS } })
    // A server that starts sweeps away firmware that no release has.
    await fixture.release(1)
    await fixture.storeImage(IMAGE)
    const { namespace } = fixture
    const token = await fixture.server.token(['fleet-manager'], null, namespace)
    const claim = await fixture.claim(1_000)
    await fixture.server.stop()
    fixture.servers.length = 0
    const socket = join(fixture.folder, 'online.sock')
    const door = await SignerDoor.open(socket, fixture.signers, namespace)
    const shared = environmentOf(fixture, socket)
    const servers: ServerInstance[] = []
    for (let index = 1; index <= instances; index += 1)
      servers.push(await ServerInstance.make(`crash-${index}`, fixture.folder, shared))
    const scene = new CrashScene(fixture, door, servers)
    scene.token = token
    scene.claim = claim
    return scene
  }

  get devices(): readonly string[] {
    return this.sims.flatMap((sim) => sim.devices.map((device) => device.id))
  }

  async stop(): Promise<void> {
    await Promise.all(this.sims.map((sim) => sim.stop()))
    for (const server of this.servers) await server.kill()
    await this.door.close()
    await this.fixture.stop()
  }

  /** Devices that speak to that server, enrolled and polling. It has to be running. */
  async enrol(server: ServerInstance, devices: number): Promise<Fleet> {
    const sim = new Fleet({
      serverUrl: server.url,
      namespace: this.fixture.namespace,
      root1: this.fixture.trust.rootBytes,
      vendorId: VENDOR_ID,
      classId: CLASS_ID,
      devices,
      dir: await mkdtemp(join(this.fixture.folder, 'devices-')),
      pollMs: 500,
      jitterSeconds: 0,
      isFlushed: false,
    })
    await sim.enrol(this.claim)
    this.sims.push(sim)
    sim.start()
    return sim
  }

  /** A signed release; the signer stands by. */
  release(sequence: number): Promise<TestRelease> {
    return releaseWithoutServer(this, sequence)
  }

  /** A call of a fleet manager; an answer that is not a success is an error of the test. */
  async call<T>(server: ServerInstance, method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const answer = await fetch(`${server.url}/api/v1/${this.fixture.namespace}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as T
  }

  /** A call whose server dies of it: nobody is answered. */
  async callInVain(server: ServerInstance, path: string, body: object = {}): Promise<void> {
    const answered = await this.call(server, 'POST', path, body).then(
      () => true,
      (error: unknown) => {
        // What fetch throws for a connection that is cut; another realm's TypeError under Jest.
        if ((error as Error).name === 'TypeError') return false
        throw error
      },
    )
    if (answered) throw new Error(`${path} was answered`)
  }

  rolloutBody(release: TestRelease, change: object = {}): object {
    return {
      releaseId: release.id,
      stages: [{ devices: 2 }, { percent: 100 }],
      gate: { confirmedPercent: 100 },
      failureLimit: { count: 0 },
      devicesPerHour: 100_000,
      devicesTotal: 100_000,
      jitterSeconds: 0,
      ...change,
    }
  }

  async approval(rolloutId: string): Promise<{ approval: string }> {
    const [row] = await this.ledger.rows<{ plan_sha256: Buffer }>('SELECT plan_sha256 FROM rollout WHERE id = $1', [
      rolloutId,
    ])
    const approval = await this.fixture.trust.approval('fleet-1', {
      operation: 'rollout',
      subjectSha256: fromHex(toHex(row?.plan_sha256 ?? new Uint8Array())),
      requestId: rolloutId,
    })
    return { approval: toBase64Url(approval) }
  }

  /** Creates and approves it. @returns its id. */
  async plan(server: ServerInstance, body: object): Promise<string> {
    const { id } = await this.call<{ readonly id: string }>(server, 'POST', '/rollouts', body)
    await this.call(server, 'POST', `/rollouts/${id}/approvals`, await this.approval(id))
    return id
  }

  /** As `plan`, and starts it. */
  async start(server: ServerInstance, body: object): Promise<string> {
    const id = await this.plan(server, body)
    await this.call(server, 'POST', `/rollouts/${id}/start`, {})
    return id
  }

  until(rolloutId: string, state: string): Promise<void> {
    return this.reach(rolloutId, state, async () => {
      const [row] = await this.ledger.rows<{ state: string }>('SELECT state FROM rollout WHERE id = $1', [rolloutId])
      return row?.state === state
    })
  }

  /** Waits until it holds. @throws with what is known of the rollout and of each device. */
  async reach(rolloutId: string, what: string, holds: () => Promise<boolean>): Promise<void> {
    await eventually(async () => ((await holds()) ? true : null), LONG_MS).catch(async (error: unknown) => {
      if ((error as Error).message !== 'never happened') throw error
      const devices = await this.ledger.rows(
        `SELECT device_id, p.stage, p.state, p.alive_at, d.report_counter, d.last_seen_at, extract(epoch FROM now())::int AS now
         FROM deployment p JOIN device d ON d.id = p.device_id WHERE rollout_id = $1`,
        [rolloutId],
      )
      const facts = {
        steps: await this.ledger.steps(rolloutId),
        devices,
        servers: this.servers.map((each) => each.lastWords),
      }
      throw new Error(`not ${what}: ${JSON.stringify(facts, null, 1)}`, { cause: error })
    })
  }

  async restartBroker(): Promise<void> {
    const { deviceUrl, serverUrl } = this.fixture.broker
    const ports = { devicePort: Number(new URL(deviceUrl).port), serverPort: Number(new URL(serverUrl).port) }
    await this.fixture.broker.stop()
    Object.assign(this.fixture, {
      broker: await EmbeddedBroker.start({ folder: this.fixture.brokerFolder, ...ports }),
    })
  }
}

/** `FleetFixture.release` writes by way of its server's connection; ours is gone. */
async function releaseWithoutServer(scene: CrashScene, sequence: number): Promise<TestRelease> {
  const { fixture, ledger } = scene
  const writing = Object.assign(Object.create(fixture) as FleetFixture, {
    sql: (text: string, values: unknown[] = []) => ledger.rows(text, values),
  })
  return writing.release(sequence)
}

function environmentOf(fixture: FleetFixture, onlineSigner: string): Record<string, string> {
  const { folder, broker, namespace } = fixture
  const write = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }
  const classes = [{ name: 'gateway-r2', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }]
  const rootFile = join(folder, 'root-1.cbor')
  const signers = { releaseSigner: join(folder, 'no-signer'), onlineSigner }
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL_FILE: write('database-url', fixture.databaseUrl),
    STORE_DIR: join(folder, 'store'),
    NAMESPACES_FILE: write(
      'namespaces.json',
      JSON.stringify([{ namespace, rootFile, ...signers, vendorDomain: 'vendor.example', classes }]),
    ),
    MQTT_URL: broker.serverUrl,
    MQTT_USERNAME: broker.serverUsername,
    MQTT_PASSWORD_FILE: broker.serverPasswordFile,
    MQTT_DEVICE_URL: broker.deviceUrl,
    BROKER_PASSWORD_FILE: broker.devicePasswordFile,
    BROKER_PID_FILE: broker.pidFile,
    PROFILE: 'laptop',
    ROLLOUT_TICK_MS: '50',
  }
}
