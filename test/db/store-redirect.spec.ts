import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { first, type FleetDevice } from '../support/fleet-device.js'
import { FleetFixture } from '../support/fleet-fixture.js'
import { RadosGateway } from '../support/rados-gateway.js'

// Ceph's gateway comes from Debian's packages; where there are none these tests count as skipped.
;(process.platform === 'linux' ? describe : describe.skip)('a server whose firmware is in an object store', () => {
  let gateway: RadosGateway
  let fleet: FleetFixture
  let device: FleetDevice
  let url = ''
  const image = new Uint8Array(randomBytes(200_000))
  const name = toHex(sha256(image))
  beforeAll(async () => {
    gateway = await RadosGateway.start()
    fleet = await FleetFixture.start({ config: { s3: gateway.s3 } })
    await fleet.app.listen(0, '127.0.0.1')
    const { port } = (fleet.app.getHttpServer() as { address(): AddressInfo }).address()
    await fleet.storeImage(image)
    await fleet.release(10, image)
    ;[device] = first(await fleet.enrolDevices(1))
    url = `http://127.0.0.1:${port}${device.base}/payload/${name}`
  }, 300_000)
  afterAll(async () => {
    await fleet.stop()
    await gateway.stop()
  }, 120_000)

  it('sends a device there, and the device has its payload, whole and in parts', async () => {
    const { authorization } = device
    const sent = await fetch(url, { headers: { authorization }, redirect: 'manual' })
    expect([sent.status, sent.headers.get('cache-control')]).toEqual([307, 'no-store'])
    const place = sent.headers.get('location') ?? ''
    expect(place.startsWith(gateway.s3.endpoint)).toBe(true)
    // The credential stays behind: clients do not take it to another host, and nobody there would want it.
    const whole = await fetch(url, { headers: { authorization } })
    expect([whole.status, new Uint8Array(await whole.arrayBuffer())]).toEqual([200, image])
    const part = await fetch(place, { headers: { range: 'bytes=100000-' } })
    expect([part.status, new Uint8Array(await part.arrayBuffer())]).toEqual([206, image.subarray(100_000)])
  })

  it('names the place to nobody else', async () => {
    const other = await fetch(url, { redirect: 'manual' })
    expect([other.status, other.headers.get('location')]).toEqual([401, null])
  })
})
