import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { openFreshness } from '../../src/domain/trust/check-freshness.js'
import { parseReportAnswer, parseUpdateAnswer } from '../../src/protocol/device-http.js'
import { LastSeen } from '../../src/server/polling/last-seen.service.js'
import { ReportInbox } from '../../src/server/device/report-inbox.service.js'
import { TrustService } from '../../src/server/keys/trust.service.js'
import { first, firstTwo, FleetDevice, problemIn } from '../support/fleet-device.js'
import { FleetFixture, IMAGE } from '../support/fleet-fixture.js'
import { makeSoftKey } from '../support/soft-key.js'

let fleet: FleetFixture
beforeAll(async () => {
  fleet = await FleetFixture.start()
}, 60_000)
afterAll(async () => {
  await fleet.stop()
}, 30_000)
const fresh = (): FleetDevice => new FleetDevice(() => fleet.app, fleet.namespace)

describe('enrolment', () => {
  it('gives a device its name and two secrets, kept as hashes', async () => {
    const device = fresh()
    const answer = await device.enrol(await fleet.claim(1))
    expect(answer.statusCode).toBe(200)
    expect(device.account).toEqual({
      deviceId: device.id,
      credential: expect.stringMatching(/^csd_[A-Za-z0-9_-]{43}$/),
      mqtt: {
        url: fleet.broker.deviceUrl,
        username: `${fleet.namespace}/d/${device.id}`,
        password: expect.any(String),
      },
    })
    const [row] = await fleet.sql<{ held: string }>('SELECT device::text AS held FROM device WHERE id = $1', [
      device.id,
    ])
    expect(row?.held).not.toContain(device.account?.credential)
  })

  it('repeated with the same key gives a new credential, ends the old one and spends no use', async () => {
    const device = fresh()
    const claim = await fleet.claim(1)
    await device.enrol(claim)
    const old = device.authorization
    expect((await device.enrol(claim)).statusCode).toBe(200)
    expect(device.authorization).not.toBe(old)
    expect((await device.poll()).statusCode).toBe(200)
    expect(problemIn(await device.poll('', { authorization: old }))).toEqual({
      status: 401,
      code: 'UNAUTHENTICATED',
      detail: {},
    })
  })

  it('lets no more devices in than the claim token has uses, however they come', async () => {
    const claim = await fleet.claim(2)
    const devices = [fresh(), fresh(), fresh(), fresh()]
    const answers = await Promise.all(devices.map((device) => device.enrol(claim)))
    expect(answers.filter((answer) => answer.statusCode === 200)).toHaveLength(2)
    for (const answer of answers.filter((each) => each.statusCode !== 200))
      expect(problemIn(answer)).toEqual({
        status: 403,
        code: 'ENROLMENT_REFUSED',
        detail: { why: 'the claim token has no use left' },
      })
  })

  it('refuses an unknown claim token and one that has expired', async () => {
    const claim = await fleet.claim(1)
    await fleet.sql('UPDATE claim_token SET expires_at = 1 WHERE secret_sha256 = $1', [
      Buffer.from(sha256(Buffer.from(claim))),
    ])
    for (const token of [claim, `csc_${'x'.repeat(43)}`, 'nothing'])
      expect(problemIn(await fresh().enrol(token))).toEqual({ status: 401, code: 'UNAUTHENTICATED', detail: {} })
  })

  it('refuses a key that did not sign, another namespace, and a class that nobody makes', async () => {
    const claim = await fleet.claim(3)
    expect(problemIn(await fresh().enrol(claim, {}, makeSoftKey()))).toEqual({
      status: 403,
      code: 'ENROLMENT_REFUSED',
      detail: { why: 'not signed by the key it names' },
    })
    expect(problemIn(await fresh().enrol(claim, { namespace: 'meter/prod' }))).toEqual({
      status: 400,
      code: 'WRONG_NAMESPACE',
      detail: { expected: fleet.namespace, found: 'meter/prod' },
    })
    expect(problemIn(await fresh().enrol(claim, { classId: new Uint8Array(16) }))).toEqual({
      status: 403,
      code: 'ENROLMENT_REFUSED',
      detail: { why: 'unknown device class' },
    })
  })

  it('refuses a signature that was made for another key id', async () => {
    const device = fresh()
    const liar = { ...makeSoftKey(), keyId: device.key.keyId }
    expect(problemIn(await device.enrol(await fleet.claim(1), {}, liar))).toEqual({
      status: 400,
      code: 'SIGNATURE_INVALID',
      detail: { keyId: device.id },
    })
  })
})

describe('a poll', () => {
  it('is answered once and then 304, until something changes for this device', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const whole = await device.poll('?root=1&krl=0')
    expect(whole.statusCode).toBe(200)
    const answer = parseUpdateAnswer(new Uint8Array(whole.rawPayload))
    expect(Object.keys(answer).toSorted()).toEqual(['freshness', 'krl', 'pollSeconds'])
    const etag = String(whole.headers['etag'])
    const again = await device.poll('?root=1&krl=0', { 'if-none-match': etag })
    expect({ status: again.statusCode, bytes: again.rawPayload.length }).toEqual({ status: 304, bytes: 0 })
    await device.report()
    const changed = await device.poll('?root=1&krl=0', { 'if-none-match': etag })
    expect(parseUpdateAnswer(new Uint8Array(changed.rawPayload)).ack).toEqual({ epoch: 1, counter: 1 })
  })

  it('brings the roots after the one that the device holds, and no KRL that it has', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const blank = parseUpdateAnswer(new Uint8Array((await device.poll()).rawPayload))
    expect(blank.roots).toEqual([fleet.trust.rootBytes])
    const held = parseUpdateAnswer(new Uint8Array((await device.poll('?root=1&krl=1')).rawPayload))
    expect({ roots: held.roots, krl: held.krl }).toEqual({ roots: undefined, krl: undefined })
  })

  it('with a nonce gets a statement for itself and is never 304', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const nonce = randomBytes(16)
    const query = `?root=1&krl=1&nonce=${nonce.toString('hex')}`
    const answer = await device.poll(query, { 'if-none-match': '*' })
    expect({ status: answer.statusCode, etag: answer.headers['etag'] }).toEqual({ status: 200, etag: undefined })
    const { state } = await fleet.app.get(TrustService).snapshot(fleet.namespace)
    const { freshness } = parseUpdateAnswer(new Uint8Array(answer.rawPayload))
    expect(openFreshness(state, freshness ?? new Uint8Array(), fleet.now, nonce, nativeAlgorithms).nonce).toEqual(
      new Uint8Array(nonce),
    )
  })

  it('by anybody else is refused, and nobody learns who exists', async () => {
    const [one, two] = firstTwo(await fleet.enrolDevices(2))
    const refused = { status: 401, code: 'UNAUTHENTICATED', detail: {} }
    expect(problemIn(await one.poll('', { authorization: two.authorization }))).toEqual(refused)
    expect(problemIn(await one.poll('', { authorization: '' }))).toEqual(refused)
    expect(problemIn(await fresh().poll('', { authorization: two.authorization }))).toEqual(refused)
  })

  it.each([
    ['?root=x', 'root', 'not a number'],
    ['?krl=-1', 'krl', 'not a number'],
    ['?root=1&root=2', 'root', 'not a number'],
    ['?nonce=00', 'nonce', 'not 16 to 32 bytes in hex'],
  ])('with %s is refused', async (query, field, why) => {
    const [device] = first(await fleet.enrolDevices(1))
    expect(problemIn(await device.poll(query))).toEqual({
      status: 400,
      code: 'REQUEST_INVALID',
      detail: { field, why },
    })
  })

  it('writes when the device was seen, together with others', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    await fleet.sql('UPDATE device SET last_seen_at = 1 WHERE id = $1', [device.id])
    await device.poll()
    await fleet.app.get(LastSeen).flush()
    const [row] = await fleet.sql<{ last_seen_at: number }>('SELECT last_seen_at FROM device WHERE id = $1', [
      device.id,
    ])
    expect(row?.last_seen_at).toBeGreaterThan(fleet.now - 10)
  })
})

describe('public documents', () => {
  it('are served as they were signed', async () => {
    const base = `/device/v1/${fleet.namespace}`
    const root = await fleet.app.inject({ method: 'GET', url: `${base}/root/1` })
    expect(new Uint8Array(root.rawPayload)).toEqual(fleet.trust.rootBytes)
    expect(root.headers['cache-control']).toContain('immutable')
    const krl = await fleet.app.inject({ method: 'GET', url: `${base}/krl` })
    expect(new Uint8Array(krl.rawPayload)).toEqual(fleet.signers.krl?.bytes)
    const again = await fleet.app.inject({
      method: 'GET',
      url: `${base}/krl`,
      headers: { 'if-none-match': String(krl.headers['etag']) },
    })
    expect(again.statusCode).toBe(304)
    expect(problemIn(await fleet.app.inject({ method: 'GET', url: `${base}/root/2` }))).toEqual({
      status: 404,
      code: 'NOT_FOUND',
      detail: { what: 'root', id: '2' },
    })
    expect(problemIn(await fleet.app.inject({ method: 'GET', url: `/device/v1/meter/prod/krl` }))).toMatchObject({
      status: 404,
    })
  })

  it('payloads go only to devices, and only of signed releases', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const url = `/device/v1/${fleet.namespace}/payload/${toHex(sha256(IMAGE))}`
    const get = (authorization: string) => fleet.app.inject({ method: 'GET', url, headers: { authorization } })
    expect(problemIn(await get('Device csd_x'))).toEqual({ status: 401, code: 'UNAUTHENTICATED', detail: {} })
    await fleet.sql(
      `INSERT INTO firmware (namespace, sha256, size_bytes, uploaded_at, uploaded_by, used_at) VALUES ($1, $2, $3, 1, 'test', 1) ON CONFLICT DO NOTHING`,
      [fleet.namespace, Buffer.from(sha256(IMAGE)), IMAGE.length],
    )
    expect(problemIn(await get(device.authorization))).toEqual({
      status: 404,
      code: 'NOT_FOUND',
      detail: { what: 'payload', id: toHex(sha256(IMAGE)) },
    })
    await fleet.storeImage(IMAGE)
    await fleet.release(1)
    const whole = await get(device.authorization)
    expect({ status: whole.statusCode, same: whole.rawPayload.equals(IMAGE) }).toEqual({ status: 200, same: true })
    const part = await fleet.app.inject({
      method: 'GET',
      url,
      headers: { authorization: device.authorization, range: 'bytes=4990-' },
    })
    expect({ status: part.statusCode, bytes: part.rawPayload.length }).toEqual({ status: 206, bytes: 10 })
  })
})

describe('a report', () => {
  const held = async (device: FleetDevice | undefined) =>
    (
      await fleet.sql<{ report_counter: number; old_reports: number; krl_number: number }>(
        'SELECT report_counter, old_reports, krl_number FROM device WHERE id = $1',
        [device?.id],
      )
    )[0]

  it('is stored with its counter, and a replay changes nothing and is counted', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const replayed = await device.sign({ krlNumber: 1 })
    const answer = await device.send(replayed)
    expect(parseReportAnswer(new Uint8Array(answer.rawPayload))).toEqual({ epoch: 1, counter: 1 })
    await device.report({ krlNumber: 1 })
    expect(problemIn(await device.send(replayed))).toEqual({
      status: 409,
      code: 'REPORT_OLD',
      detail: { epoch: 1, counter: 2 },
    })
    expect(await held(device)).toEqual({ report_counter: 2, old_reports: 1, krl_number: 1 })
  })

  it('that comes twice at the same moment is stored once', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const report = await device.sign()
    const answers = await Promise.all([device.send(report), device.send(report), device.send(report)])
    expect(answers.map((answer) => answer.statusCode).toSorted((a, b) => a - b)).toEqual([200, 409, 409])
    expect(await held(device)).toMatchObject({ report_counter: 1, old_reports: 2 })
  })

  it('never overtakes an earlier one of the same device', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const reports: Uint8Array[] = []
    for (let count = 0; count < 12; count += 1) reports.push(await device.sign())
    // Straight into the inbox, as the broker hands them over: all before the device's key is known.
    const from = { namespace: fleet.namespace, deviceId: device.id }
    const acks = await Promise.all(reports.map((report) => fleet.app.get(ReportInbox).take(report, from)))
    expect(acks.map((ack) => ack.counter)).toEqual(reports.map((_, index) => index + 1))
    expect(await held(device)).toMatchObject({ report_counter: 12, old_reports: 0 })
  })

  it('signed by another key, or naming another device or namespace, is refused', async () => {
    const [one, two] = firstTwo(await fleet.enrolDevices(2))
    const mismatch = (field: string) => ({ status: 400, code: 'REPORT_MISMATCH', detail: { field } })
    expect(problemIn(await one.send(await one.sign({}, two.key)))).toEqual(mismatch('keyId'))
    expect(problemIn(await one.send(await one.sign({ deviceId: two.id })))).toEqual(mismatch('deviceId'))
    expect(problemIn(await one.send(await one.sign({ namespace: 'meter/prod' })))).toEqual(mismatch('namespace'))
    const liar = { ...makeSoftKey(), keyId: one.key.keyId }
    expect(problemIn(await one.send(await one.sign({}, liar)))).toEqual({
      status: 400,
      code: 'SIGNATURE_INVALID',
      detail: { keyId: one.id },
    })
    expect(await held(one)).toMatchObject({ report_counter: null, old_reports: 0 })
  })

  it('that is no document at all is refused with a code', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    expect(problemIn(await device.send(randomBytes(40)))).toMatchObject({
      status: 400,
      code: expect.stringMatching(/^CBOR_|^COSE_/),
    })
    expect(problemIn(await device.send(new Uint8Array(5_000)))).toMatchObject({ status: 400, code: 'CBOR_TOO_LARGE' })
    expect(problemIn(await device.send(new Uint8Array(70_000)))).toMatchObject({ status: 413, code: 'BODY_TOO_LARGE' })
  })
})

/** Last: it publishes KRLs. */
it('takes the first report that names a KRL as its arrival, also of those it went over', async () => {
  const times = async (): Promise<Record<string, number>> => {
    const rows = await fleet.sql<{ krl_number: number; times: number }>(
      'SELECT krl_number, count(*) AS times FROM krl_acknowledgement WHERE received_ms > $1 GROUP BY 1',
      [Date.now() - 600_000],
    )
    return Object.fromEntries(rows.map((row) => [row.krl_number, row.times]))
  }
  for (const number of [2, 3, 4]) await fleet.publishKrl({ number })
  const [device] = first(await fleet.enrolDevices(1))
  const { 1: before = 0 } = await times()
  await device.report({ krlNumber: 0 })
  // It is new: the list before this one was never on its way to it.
  await device.report({ krlNumber: 2 })
  await device.report({ krlNumber: 2 })
  expect(await times()).toEqual({ 1: before, 2: 1 })
  // Number 9 was never signed.
  await device.report({ krlNumber: 9 })
  expect(await times()).toEqual({ 1: before, 2: 1, 3: 1, 4: 1 })
  expect(await fleet.call('GET', '/krl-acknowledgements/3')).toMatchObject({ acknowledged: 1 })
})
