import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, toBase64Url, toHex } from '../../src/domain/bytes.js'
import { ProcessInspector } from '../../src/server/intake/inspection/process-inspector.js'
import { makeMcuboot } from '../support/firmware/mcuboot-image.js'
import { content, ed25519Key } from '../support/firmware/sample.js'
import { first, type FleetDevice } from '../support/fleet-device.js'
import { FleetFixture } from '../support/fleet-fixture.js'
import { PeopleBench, refusalIn } from '../support/people-bench.js'
import { RadosGateway } from '../support/rados-gateway.js'
import { TrustFixture } from '../support/trust-fixture.js'

// Ceph's gateway comes from Debian's packages; where there are none these tests count as skipped.
;(process.platform === 'linux' ? describe : describe.skip)('firmware that lies in an object store', () => {
  let gateway: RadosGateway
  beforeAll(async () => {
    gateway = await RadosGateway.start()
  }, 180_000)
  afterAll(() => gateway.stop(), 60_000)

  describe('and is looked into', () => {
    let bench: PeopleBench
    const signer = ed25519Key()
    beforeAll(async () => {
      bench = await PeopleBench.start({
        trust: await TrustFixture.make({ policy: { limits: {} } }),
        inspector: new ProcessInspector(),
        config: { s3: gateway.s3 },
      })
      await bench.begin()
      const key = { label: 'MCUboot', der: toBase64Url(signer.registered.der) }
      expect((await bench.call('POST', '/embedded-keys', 'security-officer', key)).status).toBe(201)
    }, 180_000)
    afterAll(async () => {
      await bench.stop()
    }, 60_000)

    const submit = async (image: Uint8Array): Promise<unknown> => {
      expect((await bench.upload(image)).status).toBe(201)
      const reply = await bench.submit(image)
      return reply.status === 201 ? 'submitted' : refusalIn(reply)
    }

    it('is looked into like any other, and no copy is left behind', async () => {
      const image = makeMcuboot({ payload: content(300_000), signer })
      expect(await submit(image)).toBe('submitted')
      const page = await bench.call('GET', `/firmware/${toHex(sha256(image))}`, 'auditor')
      expect(page.body['findings']).toMatchObject({
        ...{ format: 'mcuboot', state: 'whole', version: '1.4.0' },
        signature: { state: 'verified', keyId: signer.registered.id },
      })
      expect(await readdir(join(bench.server.config.storeDir, 'copies-test'))).toEqual([])
    }, 60_000)

    it('is refused when it is of another version', async () => {
      const image = makeMcuboot({ payload: content(3_000), version: [1, 4, 1, 0] })
      expect(await submit(image)).toEqual({
        ...{ status: 400, code: 'VERSION_DISAGREES' },
        detail: { typed: '1.4.0', found: '1.4.1' },
      })
    }, 60_000)
  })

  describe('and is downloaded', () => {
    let fleet: FleetFixture
    let device: FleetDevice
    let url = ''
    const image = new Uint8Array(randomBytes(200_000))
    const name = toHex(sha256(image))
    beforeAll(async () => {
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
})
