import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { toBase64Url } from '../../src/domain/bytes.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { coseKeyToCbor } from '../../src/domain/cose/cose-key.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { encodeEnrolment } from '../../src/domain/trust/enrolment.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { parseEnrolAnswer } from '../../src/protocol/device-http.js'
import { CertifiedDevice } from '../support/certified-device.js'
import { first, FleetDevice, problemIn, type Answer } from '../support/fleet-device.js'
import { FleetFixture } from '../support/fleet-fixture.js'
import { CLASS_ID } from '../support/trust-fixture.js'

let fleet: FleetFixture
beforeAll(async () => {
  fleet = await FleetFixture.start({ withCertificates: true })
}, 240_000)
afterAll(() => fleet.stop(), 120_000)

const fresh = (): FleetDevice => new FleetDevice(() => fleet.app, fleet.namespace)
const rowOf = (device: FleetDevice, change: object = {}) => ({
  key: toBase64Url(encodeCbor(coseKeyToCbor(device.key.key))),
  className: 'gateway-r2',
  ...change,
})
const register = async (items: readonly object[]): Promise<readonly Record<string, unknown>[]> =>
  (await fleet.call<{ items: Record<string, unknown>[] }>('POST', '/device-registrations', { items })).items
/** By its key alone. */
async function enrol(device: FleetDevice, headers: Record<string, string> = {}, classId = CLASS_ID): Promise<Answer> {
  const payload = encodeEnrolment({ namespace: device.namespace, key: device.key.key, classId, time: 1 })
  const answer = await fleet.app.inject({
    method: 'POST',
    url: `${device.base}/enrol`,
    headers: { 'content-type': 'application/cbor', ...headers },
    payload: Buffer.from(await buildSign1(device.key, payload, labelOf('enrolment'))),
  })
  if (answer.statusCode === 200) device.account = parseEnrolAnswer(new Uint8Array(answer.rawPayload))
  return answer
}

describe('keys that were registered before', () => {
  it('let their devices in without a token, with what the factory said of them', async () => {
    const device = fresh()
    expect(await register([rowOf(device, { attributes: { batch: 'b7' } })])).toEqual([
      { deviceId: device.id, result: 'added' },
    ])
    expect((await enrol(device)).statusCode).toBe(200)
    expect((await device.poll()).statusCode).toBe(200)
    expect(await fleet.call('GET', `/devices/${device.id}`)).toMatchObject({ attributes: { batch: 'b7' } })
    // Repeated after a lost answer, and after it changed its key nothing of it opens the door.
    expect((await enrol(device)).statusCode).toBe(200)
  })

  it('let in nobody else: no other key, no other class, and no token that is none', async () => {
    const [known, stranger] = [fresh(), fresh()]
    await register([rowOf(known)])
    expect(problemIn(await enrol(stranger))).toEqual({ status: 401, code: 'UNAUTHENTICATED', detail: {} })
    expect(problemIn(await enrol(known, { authorization: 'Claim csc_x' })).status).toBe(401)
    const detail = { why: 'unknown device class' }
    expect(problemIn(await enrol(known, {}, new Uint8Array(16)))).toEqual({
      status: 403,
      code: 'ENROLMENT_REFUSED',
      detail,
    })
  })

  it('are answered each for itself, and twice they are known', async () => {
    const [one, two] = [fresh(), fresh()]
    await register([rowOf(one)])
    const items = [
      rowOf(one),
      rowOf(two),
      rowOf(two, { className: 'nothing' }),
      { key: 'AAAA', className: 'gateway-r2' },
      { key: '!', className: 'gateway-r2' },
    ]
    const results = await register(items)
    expect(results.map(({ result, code }) => code ?? result)).toEqual([
      'known',
      'added',
      'NOT_FOUND',
      expect.stringMatching(/^(KEY_MALFORMED|CBOR_)/),
      'REQUEST_INVALID',
    ])
    const audited = await fleet.call<{ items: { event: string; detail: unknown }[] }>(
      'GET',
      '/audit?limit=1000',
      undefined,
      'auditor',
    )
    expect(audited.items.filter(({ event }) => event === 'device.keys-registered').at(-1)?.detail).toEqual({
      devices: 1,
    })
  })

  it('of a decommissioned device are void', async () => {
    const device = fresh()
    await register([rowOf(device)])
    await enrol(device)
    expect((await fleet.raw('POST', `/devices/${device.id}/decommission`)).statusCode).toBe(200)
    expect(problemIn(await enrol(device)).status).toBe(401)
    await register([rowOf(device)])
    expect(problemIn(await enrol(device)).detail).toEqual({ why: 'the device was decommissioned' })
  })
})

describe('two devices with one identity', () => {
  const duplicates = async (id: string) =>
    (
      await fleet.call<{ items: { deviceId: string; kind: string; detail: string; times: number }[] }>(
        'GET',
        '/device-duplicates',
      )
    ).items
      .filter(({ deviceId }) => deviceId === id)
      .map(({ kind, detail, times }) => ({ kind, detail, times }))
  const eventsOf = async (id: string): Promise<number> =>
    (await fleet.sql<object>(`SELECT 1 FROM event WHERE type = 'device.duplicate' AND data ->> 'device' = $1`, [id]))
      .length

  it('are told by two different reports of one number; the same one again is only a repetition', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const report = await device.sign({ state: 'idle' })
    expect((await device.send(report)).statusCode).toBe(200)
    expect(problemIn(await device.send(report)).code).toBe('REPORT_OLD')
    expect(await duplicates(device.id)).toEqual([])
    for (const state of ['downloading', 'installing'] as const) {
      device.counter -= 1
      expect(problemIn(await device.report({ state })).code).toBe('REPORT_OLD')
    }
    expect(await duplicates(device.id)).toEqual([{ kind: 'counter', detail: 'epoch 1, number 1', times: 2 }])
    expect(await eventsOf(device.id)).toBe(1)
  })

  it('are told by one TLS key under two names', async () => {
    const [one, two] = (await fleet.enrolDevices(2)).map((device) => new CertifiedDevice(fleet, device))
    if (one === undefined || two === undefined) throw new Error('none')
    two.tls = one.tls
    await one.obtain()
    await two.obtain()
    expect(await duplicates(two.device.id)).toEqual([{ kind: 'tls-key', detail: one.device.id, times: 1 }])
    expect(await eventsOf(two.device.id)).toBe(1)
  })
})

it('a decommissioned device takes no part in rollouts, and leaves those that are under way', async () => {
  const [one, two] = await fleet.enrolDevices(2)
  if (one === undefined || two === undefined) throw new Error('none')
  const release = await fleet.release(20)
  const { id } = await fleet.rollout(release, [one, two], { stages: [{ percent: 100 }] })
  await fleet.raw('POST', `/devices/${one.id}/decommission`)
  await fleet.call('POST', `/rollouts/${id}/start`)
  await fleet.until(id, (view) => view.totals.offered === 1)
  expect(await fleet.sql('SELECT 1 FROM deployment WHERE rollout_id = $1 AND device_id = $2', [id, one.id])).toEqual([])
  await fleet.raw('POST', `/devices/${two.id}/decommission`)
  const [row] = await fleet.sql<{ state: string }>('SELECT state FROM deployment WHERE rollout_id = $1', [id])
  expect(row?.state).toBe('cancelled')
  // Nobody waits for them to take a list of revoked keys.
  const [{ devices: waited } = { devices: -1 }] = await fleet.sql<{ devices: number }>(
    `SELECT count(*) AS devices FROM device WHERE protocol = 'native' AND decommissioned_at IS NULL`,
  )
  expect(await fleet.call('GET', '/krl-acknowledgements/1')).toMatchObject({ devices: waited })
  // No filter finds them, and their stories stay.
  const filter = encodeURIComponent(`id in ("${one.id}", "${two.id}")`)
  expect(await fleet.call('GET', `/device-count?filter=${filter}`)).toEqual({ devices: 0 })
  expect(await fleet.call('GET', `/devices?filter=${filter}`)).toMatchObject({ items: [] })
  expect(await fleet.call('GET', `/devices/${two.id}`)).toMatchObject({ decommissionedAt: expect.any(Number) })
})
