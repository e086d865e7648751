import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { first, type FleetDevice } from '../support/fleet-device.js'
import { FleetFixture } from '../support/fleet-fixture.js'
import { Nginx } from '../support/nginx.js'

let fleet: FleetFixture
let nginx: Nginx
let device: FleetDevice
let serverPort = 0
const image = new Uint8Array(randomBytes(200_000))
const name = toHex(sha256(image))
beforeAll(async () => {
  fleet = await FleetFixture.start({ config: { accelPrefix: '/firmware-store', trustedProxies: ['127.0.0.1'] } })
  await fleet.app.listen(0, '127.0.0.1')
  serverPort = (fleet.app.getHttpServer() as { address(): AddressInfo }).address().port
  nginx = await Nginx.start(join(fleet.folder, 'nginx'), serverPort, join(fleet.folder, 'store', 'firmware'))
  await fleet.storeImage(image)
  await fleet.release(10, image)
  ;[device] = first(await fleet.enrolDevices(1))
}, 240_000)
afterAll(async () => {
  await nginx.stop()
  await fleet.stop()
}, 120_000)

const get = (path: string, headers: Record<string, string> = {}, port = nginx.port): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, { headers })
const bytesOf = async (answer: Response): Promise<Buffer> => Buffer.from(await answer.arrayBuffer())

it('behind nginx a device gets its payload from the file, whole and in parts', async () => {
  const { authorization } = device
  const whole = await get(`${device.base}/payload/${name}`, { authorization })
  expect([whole.status, whole.headers.get('x-accel-redirect')]).toEqual([200, null])
  expect((await bytesOf(whole)).equals(Buffer.from(image))).toBe(true)
  const part = await get(`${device.base}/payload/${name}`, { authorization, range: 'bytes=100000-' })
  expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 100000-199999/200000'])
  expect((await bytesOf(part)).equals(Buffer.from(image.subarray(100_000)))).toBe(true)
})

it('and nobody gets it without the server’s leave, nor by the place that it names', async () => {
  expect((await get(`${device.base}/payload/${name}`)).status).toBe(401)
  const { authorization } = device
  expect((await get(`${device.base}/payload/${'0'.repeat(64)}`, { authorization })).status).toBe(404)
  expect((await get(`/firmware-store/${name.slice(0, 2)}/${name}`, { authorization })).status).toBe(404)
})

it('whoever is no trusted proxy is sent the bytes', async () => {
  const answer = await fleet.app.inject({
    method: 'GET',
    url: `${device.base}/payload/${name}`,
    headers: { authorization: device.authorization },
    remoteAddress: '10.1.1.1',
  })
  expect(answer.headers['x-accel-redirect']).toBeUndefined()
  expect(answer.rawPayload.length).toBe(200_000)
})
