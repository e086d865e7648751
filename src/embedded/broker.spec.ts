import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { connect, connectAsync, type MqttClient } from 'mqtt'
import { PasswordFileAccounts } from '../server/mqtt/broker-accounts.js'
import { EmbeddedBroker } from './broker.js'

const DEVICE_1 = 'gateway/prod/d/1'
const DEVICE_2 = 'gateway/prod/d/2'
const FOREIGN = 'meter/prod/d/3'

describe('the embedded broker', () => {
  let folder = ''
  let broker: EmbeddedBroker
  let accounts: PasswordFileAccounts
  const clients: MqttClient[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-broker-'))
    broker = await EmbeddedBroker.start({ folder })
    accounts = accountsOf(broker)
    await Promise.all([DEVICE_1, DEVICE_2, FOREIGN].map((name) => accounts.add(name, `secret of ${name}`)))
  }, 30_000)
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.endAsync(true)))
  })
  afterAll(async () => {
    await broker.stop()
    await rm(folder, { recursive: true })
  })

  const accountsOf = (running: EmbeddedBroker) =>
    new PasswordFileAccounts({
      passwordFile: running.devicePasswordFile,
      pidFile: running.pidFile,
      listenerUrl: running.deviceUrl,
    })
  const open = async (url: string, username: string, password: string, clientId = ''): Promise<MqttClient> => {
    const client = await connectAsync(url, { username, password, clientId, protocolVersion: 5, reconnectPeriod: 0 })
    clients.push(client)
    return client
  }
  const device = (username: string, password = `secret of ${username}`) => open(broker.deviceUrl, username, password)
  const server = async () => open(broker.serverUrl, broker.serverUsername, await broker.serverPassword())
  /** Subscribes to everything and returns what is really delivered: the broker grants `#` and filters later. */
  const deliveries = async (client: MqttClient): Promise<string[]> => {
    const topics: string[] = []
    client.on('message', (topic) => topics.push(topic))
    await client.subscribeAsync('#', { qos: 1 })
    return topics
  }
  const settled = () => sleep(150)

  it.each([
    ['nobody', undefined, undefined],
    ['a wrong password', DEVICE_1, 'wrong'],
    ['an unknown device', 'gateway/prod/d/9', 'secret'],
  ])('lets %s in on neither listener', async (_, username, password) => {
    const login = {
      ...(username === undefined ? {} : { username, password }),
      protocolVersion: 5,
      reconnectPeriod: 0,
    } as const
    for (const url of [broker.deviceUrl, broker.serverUrl]) {
      await expect(connectAsync(url, login)).rejects.toMatchObject({ code: 135 })
    }
  })

  it('keeps devices off the servers’ listener and servers off the devices’', async () => {
    const password = await broker.serverPassword()
    await expect(open(broker.serverUrl, DEVICE_1, `secret of ${DEVICE_1}`)).rejects.toMatchObject({ code: 135 })
    await expect(open(broker.deviceUrl, broker.serverUsername, password)).rejects.toMatchObject({ code: 135 })
  })

  it('delivers an offer to its device alone', async () => {
    const [own, neighbour, foreign] = await Promise.all([DEVICE_1, DEVICE_2, FOREIGN].map((name) => device(name)))
    if (!own || !neighbour || !foreign) throw new Error('not connected')
    const heard = await Promise.all([own, neighbour, foreign].map(deliveries))
    await (await server()).publishAsync(`cs/v1/${DEVICE_1}/offer`, 'offer', { qos: 1 })
    await settled()
    expect(heard).toEqual([[`cs/v1/${DEVICE_1}/offer`], [], []])
  })

  it('delivers reports and states to servers, and only those a device makes about itself', async () => {
    const hearing = await server()
    const heard = await deliveries(hearing)
    const speaker = await device(DEVICE_1)
    const neighbourHeard = await deliveries(await device(DEVICE_2))
    // 135: not authorized. The broker says so for QoS 1, and nobody hears it.
    for (const topic of [
      `cs/v1/${DEVICE_2}/report`,
      `cs/v1/${FOREIGN}/state`,
      `cs/v1/${DEVICE_1}/offer`,
      'cs/v1/gateway/prod/trust',
    ]) {
      await expect(speaker.publishAsync(topic, 'x', { qos: 1 })).rejects.toMatchObject({ code: 135 })
    }
    await speaker.publishAsync(`cs/v1/${DEVICE_1}/report`, 'r', { qos: 1 })
    await speaker.publishAsync(`cs/v1/${DEVICE_1}/state`, 's', { qos: 1 })
    await settled()
    expect(heard).toEqual([`cs/v1/${DEVICE_1}/report`, `cs/v1/${DEVICE_1}/state`])
    expect(neighbourHeard).toEqual([])
  })

  it('lets a server speak to devices and not for them', async () => {
    const speaker = await server()
    const heard = await deliveries(await device(DEVICE_1))
    await speaker.publishAsync('cs/v1/gateway/prod/trust', 't', { qos: 1 })
    await speaker.publishAsync('cs/v1/gateway/prod/krl', 'k', { qos: 1 })
    await expect(speaker.publishAsync(`cs/v1/${DEVICE_1}/report`, 'x', { qos: 1 })).rejects.toMatchObject({ code: 135 })
    await settled()
    expect(heard).toEqual(['cs/v1/gateway/prod/trust', 'cs/v1/gateway/prod/krl'])
  })

  it('takes the user name for the client id, so that nobody takes over a neighbour’s session', async () => {
    const victim = await open(broker.deviceUrl, DEVICE_2, `secret of ${DEVICE_2}`, DEVICE_2)
    await open(broker.deviceUrl, DEVICE_1, `secret of ${DEVICE_1}`, DEVICE_2)
    await settled()
    expect(victim.connected).toBe(true)
  })

  it('keeps two server instances connected side by side', async () => {
    const first = await server()
    const second = await server()
    await settled()
    expect([first.connected, second.connected]).toEqual([true, true])
  })

  it('has every secret in a file for our eyes only', async () => {
    for (const file of [broker.devicePasswordFile, broker.serverPasswordFile, join(folder, 'servers.passwords')]) {
      expect((await stat(file)).mode & 0o777).toBe(0o600)
    }
    expect(await readFile(join(folder, 'servers.passwords'), 'utf8')).not.toContain(await broker.serverPassword())
  })

  it('keeps every report it acknowledged for a server that is away', async () => {
    const password = await broker.serverPassword()
    const properties = { sessionExpiryInterval: 600 }
    const login = { username: broker.serverUsername, password, clientId: 'instance-1', clean: false, properties }
    const before = await connectAsync(broker.serverUrl, { ...login, protocolVersion: 5 })
    await before.subscribeAsync('$share/of-servers/cs/v1/+/+/d/+/report', { qos: 1 })
    await before.endAsync()
    const speaker = await device(DEVICE_1)
    const count = 3_000
    await Promise.all(
      Array.from({ length: count }, () => speaker.publishAsync(`cs/v1/${DEVICE_1}/report`, 'r', { qos: 1 })),
    )
    let heard = 0
    // The handler is there before the connection: what the session held comes at once.
    const after = connect(broker.serverUrl, { ...login, protocolVersion: 5 })
    clients.push(after)
    after.on('message', () => (heard += 1))
    for (let waited = 0; heard < count && waited < 100; waited += 1) await sleep(50)
    expect(heard).toBe(count)
  }, 20_000)

  describe('accounts', () => {
    it('lets 200 devices in that enrol at once, without disturbing one that is connected', async () => {
      const present = await device(DEVICE_1)
      const names = Array.from({ length: 200 }, (_, index) => `gateway/prod/d/many-${index}`)
      const signals = jest.spyOn(process, 'kill')
      await Promise.all(names.map(async (name) => accounts.add(name, name).then(() => device(name, name))))
      // One each would be 200. A slow broker is reminded four times a second.
      expect(signals).toHaveBeenCalled()
      expect(signals.mock.calls.length).toBeLessThan(names.length / 2)
      signals.mockRestore()
      expect(present.connected).toBe(true)
    })

    it('lets each of many in a row in at once: no reload is lost', async () => {
      for (let index = 0; index < 12; index += 1) {
        await accounts.add(`gateway/prod/d/row-${index}`, 'secret')
        await device(`gateway/prod/d/row-${index}`, 'secret')
      }
    }, 20_000)

    it('loses no account that is still being hashed when a round begins', async () => {
      // So many that hashing them takes several rounds.
      const names = Array.from({ length: 1_500 }, (_, index) => `gateway/prod/d/wave-${index}`)
      await Promise.all(names.map((name) => accounts.add(name, 'secret')))
      const lines = (await readFile(broker.devicePasswordFile, 'utf8')).split('\n')
      const stored = lines.map((line) => line.split(':')[0] ?? '').filter((name) => name.includes('wave'))
      expect(stored.sort()).toEqual(names.sort())
    }, 20_000)

    it('promises nothing before the broker has read the file', async () => {
      const pid = Number(await readFile(broker.pidFile, 'utf8'))
      let isPromised = false
      process.kill(pid, 'SIGSTOP')
      const added = accounts.add('gateway/prod/d/slow', 'secret').then(() => (isPromised = true))
      await sleep(300)
      process.kill(pid, 'SIGCONT')
      expect(isPromised).toBe(false)
      await added
      await device('gateway/prod/d/slow', 'secret')
    })

    it('replaces a password: the old one is dead', async () => {
      await accounts.add(DEVICE_2, 'newer')
      await expect(device(DEVICE_2)).rejects.toMatchObject({ code: 135 })
      await device(DEVICE_2, 'newer')
      await accounts.add(DEVICE_2, `secret of ${DEVICE_2}`)
    })

    it.each(['a/b:x', 'a\nserver', 'a/+/d/1', 'a/#', ''])('refuses the user name %j', async (name) => {
      await expect(accounts.add(name, 'secret')).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
        detail: { field: 'username', why: 'not of the form product/environment/d/device' },
      })
    })

    it('signals nobody but a broker', async () => {
      const strange = new PasswordFileAccounts({
        passwordFile: broker.devicePasswordFile,
        pidFile: join(folder, 'nothing.pid'),
        listenerUrl: broker.deviceUrl,
      })
      await expect(strange.add('gateway/prod/d/8', 'secret')).rejects.toMatchObject({
        code: 'BROKER_UNAVAILABLE',
        detail: { why: 'its pid file names no running broker' },
      })
    })
  })
})
