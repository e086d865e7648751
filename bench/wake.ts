import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { DataSource } from 'typeorm'
import { EmbeddedBroker } from '../src/embedded/broker.js'
import { encodeOfferMessage } from '../src/protocol/mqtt-payloads.js'
import { deviceTopic, deviceUsername } from '../src/protocol/mqtt-topics.js'
import { PasswordFileAccounts } from '../src/server/mqtt/broker-accounts.js'
import { MqttLink } from '../src/server/mqtt/mqtt-link.port.js'
import { OutboxService } from '../src/server/mqtt/outbox.service.js'
import { brokerConfig, fleetNamespace } from '../test/support/fleet-options.js'
import { ServerUnderTest } from '../test/support/server-app.js'
import { TestDatabases } from '../test/support/test-database.js'
import { TrustFixture } from '../test/support/trust-fixture.js'
import type { Benchmark, BenchmarkRow, BenchmarkSize } from './benchmark.js'

const sizes = { full: { devices: 10_000, rounds: 5 }, small: { devices: 20, rounds: 1 } } as const
const CONNECTING = 100
const LIFE_SECONDS = 3_600

export const wakeBenchmark: Benchmark = {
  name: 'wake',
  about:
    'wake-ups of connected devices through the outbox, beside a bare loop that publishes the same on the same broker',
  async *rows(size) {
    const scene = await WakeScene.start(size)
    try {
      yield await scene.row()
    } finally {
      await scene.stop()
    }
  },
}

/** A broker with its devices, our server, and a publisher that does nothing else. */
class WakeScene {
  private heard = 0
  private all: () => void = () => undefined

  private constructor(
    private readonly size: BenchmarkSize,
    private readonly folder: string,
    private readonly databases: TestDatabases,
    private readonly broker: EmbeddedBroker,
    private readonly server: ServerUnderTest,
    private readonly bare: MqttClient,
    private readonly devices: readonly MqttClient[],
    private readonly topics: readonly string[],
  ) {
    for (const device of devices)
      device.on('message', () => {
        this.heard += 1
        if (this.heard === devices.length) this.all()
      })
  }

  static async start(size: BenchmarkSize): Promise<WakeScene> {
    const folder = await mkdtemp(join(tmpdir(), 'cs-wake-'))
    const databases = await TestDatabases.start()
    const broker = await EmbeddedBroker.start({ folder: join(folder, 'broker') })
    const { namespace, rootBytes } = await TrustFixture.make()
    await writeFile(join(folder, 'root-1.cbor'), rootBytes)
    const server = await ServerUnderTest.start({
      databaseUrl: await databases.create(),
      namespaces: [fleetNamespace(namespace, folder, {})],
      config: brokerConfig(broker),
    })
    const { serverUrl, serverUsername: username } = broker
    const password = await broker.serverPassword()
    const bare = await connectAsync(serverUrl, { username, password, protocolVersion: 5 })
    const ids = Array.from({ length: sizes[size].devices }, (_, index) => index.toString(16).padStart(64, '0'))
    const devices = await connectAll(broker, namespace, ids)
    const topics = ids.map((id) => deviceTopic(namespace, id, 'offer'))
    return new WakeScene(size, folder, databases, broker, server, bare, devices, topics)
  }

  async stop(): Promise<void> {
    await Promise.all([this.bare, ...this.devices].map((client) => client.endAsync(true)))
    await this.server.stop()
    await this.broker.stop()
    await this.databases.stop()
    await rm(this.folder, { recursive: true })
  }

  /** In turns, the best of each. */
  async row(): Promise<BenchmarkRow> {
    const { devices, rounds } = sizes[this.size]
    const payload = encodeOfferMessage({
      assignment: new Uint8Array(400).fill(1),
      manifestSha256: new Uint8Array(32),
      imageSizeBytes: 1_000_000,
      jitterSeconds: 60,
    })
    const link = this.server.app.get(MqttLink)
    await new Promise<void>((resolve) => link.onConnected(resolve))
    let [ours, reference] = [0, 0]
    for (let round = 0; round <= rounds; round += 1) {
      reference = Math.max(reference, devices / (await this.timed(() => this.publishBare(payload))))
      ours = Math.max(ours, devices / (await this.timed(() => this.publishOurs(payload))))
    }
    return { name: 'wake connected', ours, reference, ratio: ours / reference, unit: 'devices/s', n: devices * rounds }
  }

  /** Seconds until every device has heard. */
  private async timed(publish: () => Promise<unknown>): Promise<number> {
    this.heard = 0
    const heard = new Promise<void>((resolve) => (this.all = resolve))
    const began = performance.now()
    await Promise.all([publish(), heard])
    return (performance.now() - began) / 1_000
  }

  private publishBare(payload: Uint8Array): Promise<unknown> {
    const properties = { messageExpiryInterval: LIFE_SECONDS }
    return Promise.all(
      this.topics.map((topic) => this.bare.publishAsync(topic, Buffer.from(payload), { qos: 1, properties })),
    )
  }

  /** Written with a change, as offers are, and sent after its commit. */
  private async publishOurs(payload: Uint8Array): Promise<void> {
    const outbox = this.server.app.get(OutboxService)
    const expiresAt = Math.floor(Date.now() / 1_000) + LIFE_SECONDS
    const messages = this.topics.map((topic) => ({ topic, payload, expiresAt }))
    await this.server.app.get(DataSource).transaction((manager) => outbox.enqueue(manager, messages))
    outbox.wake()
  }
}

async function connectAll(
  broker: EmbeddedBroker,
  namespace: string,
  ids: readonly string[],
): Promise<readonly MqttClient[]> {
  const { devicePasswordFile: passwordFile, pidFile, deviceUrl: listenerUrl } = broker
  const accounts = new PasswordFileAccounts({ passwordFile, pidFile, listenerUrl })
  const password = 'of-all-devices-of-this-benchmark'
  await Promise.all(ids.map((id) => accounts.add(deviceUsername(namespace, id), password)))
  const clients: MqttClient[] = []
  const waiting = [...ids]
  const worker = async (): Promise<void> => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const username = deviceUsername(namespace, id)
      const client = await connectAsync(listenerUrl, { username, password, clientId: username, protocolVersion: 5 })
      await client.subscribeAsync(deviceTopic(namespace, id, 'offer'), { qos: 1 })
      clients.push(client)
    }
  }
  await Promise.all(Array.from({ length: CONNECTING }, worker))
  return clients
}
