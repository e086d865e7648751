import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { connectAsync, type MqttClient } from 'mqtt'
import { manifestSha256, parseEnvelope } from '../src/domain/suit/envelope.js'
import { sha256 } from '../src/domain/bytes.js'
import { EmbeddedBroker } from '../src/embedded/broker.js'
import { encodeOfferMessage, encodeTrustMessage, parsePresenceMessage } from '../src/protocol/mqtt-payloads.js'
import { deviceTopic, deviceUsername, krlTopic, trustTopic } from '../src/protocol/mqtt-topics.js'
import { PasswordFileAccounts } from '../src/server/mqtt/broker-accounts.js'
import { DeviceBench } from '../test/support/device-bench.js'
import { DeviceLife } from './device-life.js'
import type { SimulatedDevice } from './simulated-device.js'

const NAMESPACE = 'gateway/prod'

describe('a device on a real broker', () => {
  let folder = ''
  let broker: EmbeddedBroker
  let server: MqttClient
  let bench: DeviceBench
  let device: SimulatedDevice
  let life: DeviceLife
  let seen: { topic: string; payload: Uint8Array }[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-life-'))
    broker = await EmbeddedBroker.start({ folder })
    const password = await broker.serverPassword()
    server = await connectAsync(broker.serverUrl, { username: broker.serverUsername, password, protocolVersion: 5 })
    await server.subscribeAsync(['cs/v1/+/+/d/+/report', 'cs/v1/+/+/d/+/state'], { qos: 1 })
    server.on('message', (topic, payload) => seen.push({ topic, payload: new Uint8Array(payload) }))
  }, 30_000)
  afterAll(async () => {
    await server.endAsync(true)
    await broker.stop()
    await rm(folder, { recursive: true })
  })

  beforeEach(async () => {
    seen = []
    bench = await DeviceBench.make()
    device = bench.device()
    const username = deviceUsername(NAMESPACE, device.id)
    const accounts = new PasswordFileAccounts({
      passwordFile: broker.devicePasswordFile,
      pidFile: broker.pidFile,
      listenerUrl: broker.deviceUrl,
    })
    await accounts.add(username, 'secret')
    bench.server.mqtt = { url: broker.deviceUrl, username, password: 'secret' }
    await device.enrol('claim')
    // It polls when it is woken, and by itself only after this test is over.
    life = new DeviceLife(device, {
      namespace: NAMESPACE,
      pollMs: 3_600_000,
      jitterSeconds: 0,
      random: () => 0,
      onError: (error) => {
        throw error
      },
    })
    life.start()
    await until(() => presence().length > 0)
  })
  afterEach(async () => {
    await life.stop()
    await Promise.all(
      [krlTopic(NAMESPACE), trustTopic(NAMESPACE)].map((topic) => publish(topic, new Uint8Array(0), true)),
    )
    await bench.close()
  })

  const publish = (topic: string, payload: Uint8Array, retain = false) =>
    server.publishAsync(topic, Buffer.from(payload), { qos: 1, retain })
  const until = async (isDone: () => boolean): Promise<void> => {
    for (let waited = 0; !isDone(); waited += 10) {
      if (waited > 8_000) throw new Error('waited in vain')
      await sleep(10)
    }
  }
  const on = (channel: 'report' | 'state') =>
    seen.filter(({ topic }) => topic === deviceTopic(NAMESPACE, device.id, channel)).map(({ payload }) => payload)
  const presence = () => on('state').map(parsePresenceMessage)
  const reports = () => {
    for (const payload of on('report')) bench.server.take(device.id, payload)
    return bench.server.reports
  }

  it('says that it is there, and goodbye', async () => {
    expect(presence()).toEqual([{ isOnline: true, connection: 1, rootVersion: 1, krlNumber: 0 }])
    await life.stop()
    await until(() => presence().length > 1)
    expect(presence().at(-1)).toMatchObject({ isOnline: false, connection: 2 })
  })

  it('is woken by an offer, fetches the update by HTTP and reports over the broker', async () => {
    const answer = await bench.answer(device)
    bench.server.answer = answer
    const { assignment = new Uint8Array(0), envelope = new Uint8Array(0) } = answer
    const offer = {
      assignment,
      manifestSha256: manifestSha256(parseEnvelope(envelope).manifest),
      imageSizeBytes: bench.server.payload.length,
      jitterSeconds: 0,
    }
    await publish(deviceTopic(NAMESPACE, device.id, 'offer'), encodeOfferMessage(offer))
    await until(() => reports().at(-1)?.state === 'confirmed')
    expect(on('report').length).toBe(5)
    expect(device.runningSequence).toBe(5)
    // Handing it to the broker is not yet being heard: only the server's own word ends the repeating.
    expect(device.memory.record.unacknowledged).not.toBeNull()
    bench.server.answer = { ...answer, ack: { epoch: 1, counter: 5 } }
    await life.poll()
    expect(device.memory.record.unacknowledged).toBeNull()
    expect(bench.server.requests.filter(({ path }) => path.endsWith('/report'))).toEqual([])
  })

  it('takes a retained KRL, and reports once although the broker may send it twice', async () => {
    const { trust } = bench.fixture
    const krl = await trust.signKrl(trust.krl({ number: 3 }))
    await publish(krlTopic(NAMESPACE), krl, true)
    await until(() => reports().length > 0)
    await publish(krlTopic(NAMESPACE), krl, true)
    await sleep(200)
    expect(on('report').length).toBe(1)
    expect(reports()).toEqual([expect.objectContaining({ state: 'idle', krlNumber: 3, rootVersion: 1 })])
  })

  it('is woken by news of a root, and walks to it', async () => {
    const { trust } = bench.fixture
    const second = await trust.nextRoot({})
    const krl = await trust.signKrl(trust.krl())
    bench.server.answer = {
      krl,
      roots: [second.bytes],
      freshness: await bench.fixture.freshness(krl, { rootVersion: 2 }),
    }
    await publish(
      trustTopic(NAMESPACE),
      encodeTrustMessage({ rootVersion: 2, krlNumber: 1, krlSha256: sha256(krl) }),
      true,
    )
    await until(() => device.trustState.root.version === 2)
    expect(device.trustState.krl?.number).toBe(1)
  })

  it('is not disturbed by what it cannot read', async () => {
    const topics = [deviceTopic(NAMESPACE, device.id, 'offer'), trustTopic(NAMESPACE), krlTopic(NAMESPACE)]
    for (const topic of topics) await publish(topic, Uint8Array.of(0xff, 0x00))
    await sleep(200)
    expect(device.trustState.krl).toBeNull()
    expect(bench.server.requests.filter(({ path }) => path.endsWith('/update'))).toEqual([])
  })

  it('comes back when the broker let it go', async () => {
    const username = deviceUsername(NAMESPACE, device.id)
    // Somebody with the same name takes its place for a moment.
    const twin = await connectAsync(broker.deviceUrl, {
      username,
      password: 'secret',
      clientId: username,
      protocolVersion: 5,
      reconnectPeriod: 0,
    })
    await twin.endAsync(true)
    await until(() => presence().some(({ isOnline, connection }) => isOnline && connection >= 2))
  })
})
