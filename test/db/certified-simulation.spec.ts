import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { connectAsync } from 'mqtt'
import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { deviceTopic } from '../../src/protocol/mqtt-topics.js'
import { DeviceLife } from '../../device-sim/device-life.js'
import { SimulatedDevice } from '../../device-sim/simulated-device.js'
import { eventually, FleetFixture } from '../support/fleet-fixture.js'
import { makeServerCertificate, SoftAuthority } from '../support/soft-authority.js'
import { CLASS_ID, VENDOR_ID } from '../support/trust-fixture.js'

let fleet: FleetFixture
let folder = ''
let tlsCa = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cs-sim-tls-'))
  const { certificateFile, keyFile } = makeServerCertificate(folder)
  const tls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
  fleet = await FleetFixture.start({ withCertificates: true, config: { tls } })
  await fleet.app.listen(0, '127.0.0.1')
  // Those of server and broker sign themselves.
  tlsCa = tls.cert.toString() + readFileSync(join(fleet.folder, 'tls-server.pem'), 'utf8')
}, 240_000)
afterAll(async () => {
  await fleet.stop()
  rmSync(folder, { recursive: true })
}, 120_000)

let count = 0
async function simulated(dir = `device-${(count += 1)}`): Promise<SimulatedDevice> {
  const device = new SimulatedDevice({
    dir: join(folder, dir),
    serverUrl: (await fleet.app.getUrl()).replace('127.0.0.1', 'localhost'),
    namespace: fleet.namespace,
    root1: fleet.trust.rootBytes,
    vendorId: VENDOR_ID,
    classId: CLASS_ID,
    algorithms: nativeAlgorithms,
    usesCertificate: true,
    tlsCa,
  })
  if (!device.isEnrolled) await device.enrol(await fleet.claim(1))
  return device
}
const loseCredential = (device: SimulatedDevice): Promise<unknown> =>
  fleet.sql(`UPDATE device SET credential_sha256 = sha256(convert_to(id, 'UTF8')) WHERE id = $1`, [device.id])
const certificates = async (device: SimulatedDevice): Promise<number> =>
  (await fleet.sql('SELECT 1 FROM device_certificate WHERE device_id = $1', [device.id])).length

it('a simulated device asks for a certificate and needs no credential afterwards, also when it is started again', async () => {
  const device = await simulated('again')
  expect(await device.pollOnce()).toMatchObject({ state: 'idle' })
  await loseCredential(device)
  expect(await device.pollOnce()).toMatchObject({ state: 'idle' })
  expect(await (await simulated('again')).pollOnce()).toMatchObject({ state: 'idle' })
  expect(await certificates(device)).toBe(1)
})

it('renews it with another key before its end, and not again after that', async () => {
  const authority = fleet.signers.authority
  if (authority === null) throw new Error('none')
  const device = await simulated()
  authority.lifeSeconds = 400
  try {
    await device.pollOnce()
  } finally {
    authority.lifeSeconds = 30 * 86_400
  }
  const first = device.identity
  await loseCredential(device)
  // A quarter of its life is left: it shows the old one and asks for the next.
  expect(await device.pollOnce()).toMatchObject({ state: 'idle' })
  expect(device.identity?.key).not.toBe(first?.key)
  expect(await certificates(device)).toBe(2)
  await device.pollOnce()
  expect(await certificates(device)).toBe(2)
})

it('asks under its first name after it has changed its key', async () => {
  const device = await simulated()
  await device.changeKey()
  expect(await device.pollOnce()).toMatchObject({ state: 'idle' })
  expect(await certificates(device)).toBe(1)
})

it('comes to the broker by it, without the password', async () => {
  const device = await simulated()
  await device.pollOnce()
  const { enrolment } = device.memory.record
  if (enrolment === null) throw new Error('not enrolled')
  device.memory.saveRecord({ enrolment: { ...enrolment, mqtt: { ...enrolment.mqtt, password: 'none' } } })
  const { serverUrl, serverUsername: username } = fleet.broker
  const password = await fleet.broker.serverPassword()
  const server = await connectAsync(serverUrl, { username, password, protocolVersion: 5, reconnectPeriod: 0 })
  const heard: string[] = []
  server.on('message', (topic) => heard.push(topic))
  await server.subscribeAsync('cs/v1/+/+/d/+/state', { qos: 1 })
  const options = {
    namespace: fleet.namespace,
    pollMs: 60_000,
    jitterSeconds: 0,
    random: () => 0,
    onError: () => undefined,
  }
  const life = new DeviceLife(device, { ...options, tlsCa })
  life.start()
  try {
    await eventually(() => (heard.includes(deviceTopic(fleet.namespace, device.id, 'state')) ? true : null))
  } finally {
    await life.stop()
    await server.endAsync(true)
  }
})

it('is not shut out when its authority counts no more: it goes by its credential again, and asks for another certificate', async () => {
  const device = await simulated('shut-out')
  await device.pollOnce()
  const file = join(folder, 'shut-out', 'tls-identity')
  const [secret, certificate, mqttUrl] = decodeCbor(new Uint8Array(readFileSync(file))) as [
    Uint8Array,
    Uint8Array,
    string,
  ]
  const { x = '', y = '' } = new X509Certificate(certificate).publicKey.export({ format: 'jwk' })
  const coordinate = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
  // Signed by another authority than the root lists, as by one that was taken out of it.
  const former = new SoftAuthority(fleet.namespace, () => fleet.now)
  const tlsKey = { kind: 'p256', x: coordinate(x), y: coordinate(y) } as const
  writeFileSync(file, encodeCbor([secret, await former.certifyName(device.id, tlsKey), mqttUrl]))
  const again = await simulated('shut-out')
  expect(again.identity).not.toBeNull()
  expect(await again.pollOnce()).toMatchObject({ state: 'idle' })
  expect(again.identity).toBeNull()
  expect(await again.pollOnce()).toMatchObject({ state: 'idle' })
  expect(again.identity).not.toBeNull()
  await loseCredential(again)
  expect(await again.pollOnce()).toMatchObject({ state: 'idle' })
})
