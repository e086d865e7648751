import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { connectAsync, type MqttClient } from 'mqtt'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { encodeSign, makeOneSignature } from '../../src/domain/cose/sign.js'
import { encodeKeyChange } from '../../src/domain/trust/key-change.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { parseNonceAnswer } from '../../src/protocol/device-http.js'
import { deviceTopic } from '../../src/protocol/mqtt-topics.js'
import { CertifiedDevice, TlsKey } from '../support/certified-device.js'
import { problemIn } from '../support/fleet-device.js'
import { eventually, FleetFixture } from '../support/fleet-fixture.js'
import { makeServerCertificate, SoftAuthority } from '../support/soft-authority.js'
import { makeSoftKey } from '../support/soft-key.js'

let fleet: FleetFixture
let folder = ''
let url = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cs-https-'))
  const { certificateFile, keyFile } = makeServerCertificate(folder)
  const tls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
  fleet = await FleetFixture.start({ withCertificates: true, config: { tls, trustedProxies: ['10.1.1.1'] } })
  await fleet.app.listen(0, '127.0.0.1')
  url = await fleet.app.getUrl()
}, 240_000)
afterAll(async () => {
  await fleet.stop()
  rmSync(folder, { recursive: true })
}, 120_000)
const clients: MqttClient[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true)
})

async function enrolled(): Promise<CertifiedDevice> {
  const [device] = await fleet.enrolDevices(1)
  if (device === undefined) throw new Error('none')
  return new CertifiedDevice(fleet, device)
}
async function certified(): Promise<CertifiedDevice> {
  const one = await enrolled()
  await one.obtain()
  return one
}
async function connected(one: CertifiedDevice): Promise<MqttClient> {
  const client = await one.connect()
  clients.push(client)
  return client
}
const authority = (): SoftAuthority => fleet.signers.authority ?? new SoftAuthority('', () => 0)

/** By TLS, with a certificate or none. */
function poll(id: string, identity: { cert?: string; key?: string } = {}): Promise<number> {
  const target = new URL(`/device/v1/${fleet.namespace}/${id}/update`, url)
  return new Promise((resolve, reject) => {
    const sent = request(target, { ...identity, rejectUnauthorized: false, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sent.on('error', reject)
    sent.end()
  })
}

describe('a certificate', () => {
  it('is for the device that asks, and the same one again when it asks again', async () => {
    const one = await enrolled()
    const certificate = await one.obtain()
    expect(certificate.subject).toBe(`O=${fleet.namespace}\nCN=${one.device.id}`)
    const { items } = await fleet.call<{ items: { pem: string }[] }>('GET', '/device-authorities')
    expect(items.length).toBe(1)
    expect(certificate.checkIssued(new X509Certificate(items[0]?.pem ?? ''))).toBe(true)
    expect((await one.obtain()).serialNumber).toBe(certificate.serialNumber)
    const { certificates } = await fleet.call<{ certificates: object[] }>('GET', `/devices/${one.device.id}`)
    const notAfter = Date.parse(certificate.validTo) / 1_000
    expect(certificates).toEqual([
      { serial: certificate.serialNumber.toLowerCase(), issuedAt: expect.any(Number), notAfter },
    ])
  })

  it('is renewed in the second half of its life, and at once for another TLS key', async () => {
    const one = await certified()
    const [first] = [one.certificate?.serialNumber]
    await fleet.sql('UPDATE device_certificate SET issued_at = issued_at - 40 * 86400 WHERE device_id = $1', [
      one.device.id,
    ])
    const second = (await one.obtain()).serialNumber
    expect(second).not.toBe(first)
    one.tls = new TlsKey()
    expect((await one.obtain()).serialNumber).not.toBe(second)
  })

  it('is had by a device that has changed its key, by the changes that it signed', async () => {
    const one = await enrolled()
    const { device } = one
    const next = makeSoftKey()
    const send = (path: string, payload: Uint8Array = new Uint8Array(0)) =>
      fleet.app.inject({
        method: 'POST',
        url: `${device.base}/${device.id}/${path}`,
        headers: { authorization: device.authorization, 'content-type': 'application/cbor' },
        payload: Buffer.from(payload),
      })
    const { nonce } = parseNonceAnswer(new Uint8Array((await send('nonce')).rawPayload))
    const payload = encodeKeyChange({ namespace: device.namespace, deviceId: device.id, nonce, key: next.key })
    const label = labelOf('key-change')
    const signatures = await Promise.all([device.key, next].map((key) => makeOneSignature(key, payload, label)))
    expect((await send('key', encodeSign(payload, signatures))).statusCode).toBe(204)
    // The key before opens nothing any more.
    await expect(one.obtain()).rejects.toThrow('DEVICE_MISMATCH')
    expect((await one.obtain(next)).subject).toContain(device.id)
  })

  it.each([
    ['another device', (other: string) => ({ deviceId: other }), 'DEVICE_MISMATCH'],
    ['another namespace', () => ({ namespace: 'meter/prod' }), 'WRONG_NAMESPACE'],
  ] as const)('for %s is refused, and no signer is asked', async (_, change, code) => {
    const [one, other] = [await enrolled(), await enrolled()]
    const { requests } = authority()
    const answer = await one.ask(await one.request(change(other.device.id)))
    expect(problemIn(answer)).toMatchObject({ status: 400, code })
    expect(authority().requests).toBe(requests)
  })

  it('is not given without a credential, nor to what is no request', async () => {
    const one = await enrolled()
    expect(problemIn(await one.ask(await one.request(), 'Device csd_x'))).toMatchObject({ status: 401 })
    const rubbish = await one.ask(await buildSign1(one.device.key, new Uint8Array(9), labelOf('certificate-request')))
    expect(rubbish.statusCode).toBe(400)
  })
})

describe('over TLS a device is known by its certificate', () => {
  it('for itself, and for no other', async () => {
    const [a, b] = [await certified(), await certified()]
    const identity = { cert: a.pem, key: a.tls.pem }
    expect(await poll(a.device.id, identity)).toBe(200)
    expect(await poll(b.device.id, identity)).toBe(401)
    expect(await poll(a.device.id)).toBe(401)
  })

  it('of the authority in the signed root, of this namespace, of now', async () => {
    const one = await certified()
    const { id } = one.device
    const key = one.tls.pem
    const pemOf = async (by: SoftAuthority): Promise<string> =>
      new X509Certificate(await by.certifyName(id, one.tls.key)).toString()
    const now = (): number => fleet.now
    expect(await poll(id, { key, cert: await pemOf(authority()) })).toBe(200)
    expect(await poll(id, { key, cert: await pemOf(new SoftAuthority(fleet.namespace, now)) })).toBe(401)
    const [meters, late] = ['meter/prod', fleet.namespace].map((namespace) => new SoftAuthority(namespace, now))
    if (meters === undefined || late === undefined) throw new Error('none')
    for (const each of [meters, late]) Object.assign(each, { key: authority().key })
    late.lifeSeconds = 200
    expect(await poll(id, { key, cert: await pemOf(meters) })).toBe(401)
    expect(await poll(id, { key, cert: await pemOf(late) })).toBe(401)
  })

  it('by the word of a trusted proxy, and of nobody else', async () => {
    const one = await certified()
    const raw = one.certificate?.raw.toString('base64') ?? ''
    const from = async (remoteAddress: string, headers: Record<string, string>): Promise<number> => {
      const path = `${one.device.base}/${one.device.id}/update`
      return (await fleet.app.inject({ method: 'GET', url: path, headers, remoteAddress })).statusCode
    }
    expect(await from('10.1.1.1', { 'client-cert': `:${raw}:` })).toBe(200)
    expect(await from('10.1.1.1', { 'x-client-certificate': encodeURIComponent(one.pem) })).toBe(200)
    expect(await from('10.1.1.2', { 'client-cert': `:${raw}:` })).toBe(401)
    for (const bad of [':AAAA:', raw, '::', `:${raw.slice(0, 200)}:`])
      expect(await from('10.1.1.1', { 'client-cert': bad })).toBe(401)
    expect(await from('10.1.1.1', { 'x-client-certificate': '%' })).toBe(401)
  })
})

describe('at the broker a device is known by its certificate', () => {
  it('and without one of its authority nobody comes in', async () => {
    const one = await certified()
    const stranger = new SoftAuthority(fleet.namespace, () => fleet.now)
    const cert = new X509Certificate(await stranger.certifyName(one.device.id, one.tls.key)).toString()
    await expect(one.connect({ cert })).rejects.toThrow()
    await expect(one.connect({ cert: '', key: '' })).rejects.toThrow()
  })

  it('device A hears nothing that is for device B, and nothing that B says', async () => {
    const [a, b] = [await certified(), await certified()]
    const [asA, asB] = [await connected(a), await connected(b)]
    const heard: Record<string, string[]> = { a: [], b: [] }
    asA.on('message', (topic) => heard['a']?.push(topic))
    asB.on('message', (topic) => heard['b']?.push(topic))
    const channels = ['offer', 'report', 'state'] as const
    // Subscriptions are granted or not; what counts is what is delivered.
    for (const topic of [
      '#',
      'cs/v1/+/+/d/+/offer',
      ...channels.map((each) => deviceTopic(fleet.namespace, b.device.id, each)),
    ])
      await asA.subscribeAsync(topic, { qos: 1 }).catch(() => undefined)
    await asB.subscribeAsync(deviceTopic(fleet.namespace, b.device.id, 'offer'), { qos: 1 })
    const server = await serverClient()
    await server.publishAsync(deviceTopic(fleet.namespace, b.device.id, 'offer'), 'for B', { qos: 1 })
    await asB.publishAsync(deviceTopic(fleet.namespace, b.device.id, 'state'), 'B', { qos: 1, retain: true })
    await server.publishAsync(deviceTopic(fleet.namespace, a.device.id, 'offer'), 'for A', { qos: 1 })
    // In order: what came to A before its own offer has come.
    await eventually(() => (heard['a']?.includes(deviceTopic(fleet.namespace, a.device.id, 'offer')) ? true : null))
    await eventually(() => (heard['b']?.includes(deviceTopic(fleet.namespace, b.device.id, 'offer')) ? true : null))
    expect(heard['a']?.filter((topic) => topic.includes(b.device.id))).toEqual([])
  })

  it('device A says nothing in the name of device B: not where B speaks, not as its client, not where servers speak', async () => {
    const [a, b] = [await certified(), await certified()]
    const server = await serverClient()
    const heard: string[] = []
    server.on('message', (topic, payload) => heard.push(`${topic} ${payload.toString()}`))
    for (const channel of ['report', 'state']) await server.subscribeAsync(`cs/v1/+/+/d/+/${channel}`, { qos: 1 })
    const asB = await connected(b)
    // Its client id is its name, whatever it says: B stays connected.
    const asA = await a.connect({ clientId: b.device.id })
    clients.push(asA)
    const forbidden = [
      deviceTopic(fleet.namespace, b.device.id, 'report'),
      deviceTopic(fleet.namespace, b.device.id, 'state'),
      deviceTopic(fleet.namespace, b.device.id, 'offer'),
      deviceTopic(fleet.namespace, a.device.id, 'offer'),
      // One retained message for each name that a device can think of would fill the broker.
      deviceTopic('meter/prod', a.device.id, 'state'),
      deviceTopic('meter/prod', a.device.id, 'report'),
      `cs/v1/${fleet.namespace}/trust`,
      `cs/v1/${fleet.namespace}/krl`,
    ]
    for (const topic of forbidden)
      await expect(asA.publishAsync(topic, 'of A', { qos: 1 })).rejects.toMatchObject({ code: 135 })
    await asA.publishAsync(deviceTopic(fleet.namespace, a.device.id, 'state'), 'of A', { qos: 1 })
    await eventually(() => (heard.some((each) => each.endsWith('/state of A')) ? true : null))
    const ofThem = heard.filter((each) => each.includes(a.device.id) || each.includes(b.device.id))
    expect(ofThem).toEqual([`${deviceTopic(fleet.namespace, a.device.id, 'state')} of A`])
    expect(asB.connected).toBe(true)
  })

  it('its report is taken in', async () => {
    const one = await certified()
    const client = await connected(one)
    const report = await one.device.sign({ state: 'idle' })
    await client.publishAsync(deviceTopic(fleet.namespace, one.device.id, 'report'), Buffer.from(report), { qos: 1 })
    await eventually(async () => {
      const [row] = await fleet.sql<{ n: number | null }>('SELECT report_counter AS n FROM device WHERE id = $1', [
        one.device.id,
      ])
      return row?.n === one.device.counter ? true : null
    })
  })
})

describe('a decommissioned device', () => {
  it('has nothing any more: no credential, certificate, login, way back, or topic', async () => {
    const one = await certified()
    const { device } = one
    const client = await connected(one)
    const heard: string[] = []
    client.on('message', (topic) => heard.push(topic))
    await client.subscribeAsync(deviceTopic(fleet.namespace, device.id, 'offer'), { qos: 1 })
    const claim = await fleet.claim(1)
    const answer = await fleet.raw('POST', `/devices/${device.id}/decommission`)
    expect(answer.statusCode).toBe(200)
    expect((await device.poll()).statusCode).toBe(401)
    expect(await poll(device.id, { cert: one.pem, key: one.tls.pem })).toBe(401)
    expect(problemIn(await device.report()).code).toBe('UNAUTHENTICATED')
    await expect(fleet.listen(device, '#', () => undefined)).rejects.toThrow()
    const detail = { why: 'the device was decommissioned' }
    expect(problemIn(await device.enrol(claim))).toEqual({ status: 403, code: 'ENROLMENT_REFUSED', detail })
    // Its certificate still opens the connection, and nothing behind it.
    const again = await connected(one)
    const topic = deviceTopic(fleet.namespace, device.id, 'report')
    await expect(again.publishAsync(topic, Buffer.from(await device.sign()), { qos: 1 })).rejects.toMatchObject({
      code: 135,
    })
    const server = await serverClient()
    await server.publishAsync(deviceTopic(fleet.namespace, device.id, 'offer'), 'for it', { qos: 1 })
    expect(heard).toEqual([])
    expect(await fleet.call('GET', `/devices/${device.id}`)).toMatchObject({ decommissionedAt: expect.any(Number) })
    expect((await fleet.raw('POST', `/devices/${device.id}/decommission`)).statusCode).toBe(200)
    const [other] = await fleet.enrolDevices(1)
    expect((await other?.poll())?.statusCode).toBe(200)
  })
})

async function serverClient(): Promise<MqttClient> {
  const { serverUrl, serverUsername: username } = fleet.broker
  const client = await connectAsync(serverUrl, {
    username,
    password: await fleet.broker.serverPassword(),
    protocolVersion: 5,
    reconnectPeriod: 0,
  })
  clients.push(client)
  return client
}
