import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SimulatedDevice, type SimulatedDeviceOptions } from '../../device-sim/simulated-device.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { coseKeyToCbor } from '../../src/domain/cose/cose-key.js'
import { encodeSign, makeOneSignature } from '../../src/domain/cose/sign.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { encodeCounterEpoch } from '../../src/domain/trust/counter-epoch.js'
import { encodeKeyChange } from '../../src/domain/trust/key-change.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { parseNonceAnswer, parseReportAnswer, type NonceAnswer } from '../../src/protocol/device-http.js'
import { ReportInbox } from '../../src/server/device/report-inbox.service.js'
import { first, problemIn, type Answer, type FleetDevice } from '../support/fleet-device.js'
import { FleetFixture } from '../support/fleet-fixture.js'
import { makeP256Key, makeSoftKey, type SoftKey } from '../support/soft-key.js'
import { CLASS_ID, VENDOR_ID } from '../support/trust-fixture.js'

let fleet: FleetFixture
let folder: string
beforeAll(async () => {
  fleet = await FleetFixture.start()
  folder = await mkdtemp(join(tmpdir(), 'cs-changes-'))
}, 60_000)
afterAll(async () => {
  await fleet.stop()
  await rm(folder, { recursive: true })
}, 30_000)

const kindsOf = async ({ id }: { readonly id: string }) =>
  (await fleet.sql<{ kind: string }>('SELECT kind FROM device_duplicate WHERE device_id = $1', [id])).map(
    (row) => row.kind,
  )
const enrolled = async (): Promise<FleetDevice> => first(await fleet.enrolDevices(1))[0]

function post(device: FleetDevice, path: string, body: Uint8Array = new Uint8Array(0)): Promise<Answer> {
  return fleet.app.inject({
    method: 'POST',
    url: `${device.base}/${device.id}/${path}`,
    headers: { authorization: device.authorization, 'content-type': 'application/cbor' },
    payload: Buffer.from(body),
  })
}
const nonceFor = async (device: FleetDevice, epoch = 0): Promise<NonceAnswer> =>
  parseNonceAnswer(new Uint8Array((await post(device, `nonce?epoch=${epoch}`)).rawPayload))
const epochDocument = (device: FleetDevice, answer: NonceAnswer, signer: SoftKey = device.key): Promise<Uint8Array> =>
  buildSign1(
    signer,
    encodeCounterEpoch({ namespace: fleet.namespace, deviceId: device.id, ...answer }),
    labelOf('counter-epoch'),
  )
async function changeDocument(
  device: FleetDevice,
  nonce: Uint8Array,
  next: SoftKey,
  old: SoftKey = device.key,
): Promise<Uint8Array> {
  const payload = encodeKeyChange({ namespace: fleet.namespace, deviceId: device.id, nonce, key: next.key })
  return encodeSign(
    payload,
    await Promise.all([old, next].map((key) => makeOneSignature(key, payload, labelOf('key-change')))),
  )
}
const unknown = { status: 409, code: 'NONCE_UNKNOWN', detail: {} }

describe('a new counter epoch', () => {
  it('is begun by the server’s nonce under the device’s signature, and by no report alone', async () => {
    const device = await enrolled()
    device.counter = 40
    await device.report()
    Object.assign(device, { epoch: 2, counter: 0 })
    expect(problemIn(await device.report())).toEqual({
      status: 409,
      code: 'REPORT_EPOCH',
      detail: { expected: 1, found: 2 },
    })
    const answer = await nonceFor(device)
    expect(answer.epoch).toBe(2)
    const begun = await post(device, 'epoch', await epochDocument(device, answer))
    expect(parseReportAnswer(new Uint8Array(begun.rawPayload))).toEqual({ epoch: 2, counter: 0 })
    Object.assign(device, { epoch: 2, counter: 0 })
    expect((await device.report()).statusCode).toBe(200)
    Object.assign(device, { epoch: 1, counter: 90 })
    expect(problemIn(await device.report())).toEqual({
      status: 409,
      code: 'REPORT_OLD',
      detail: { epoch: 2, counter: 1 },
    })
  })

  it('is begun once with a nonce, with the newest one, with the epoch that came with it, and in time', async () => {
    const device = await enrolled()
    const old = await nonceFor(device)
    const answer = await nonceFor(device)
    expect(problemIn(await post(device, 'epoch', await epochDocument(device, old)))).toEqual(unknown)
    const higher = await epochDocument(device, { ...answer, epoch: 3 })
    expect(problemIn(await post(device, 'epoch', higher))).toEqual(unknown)
    const document = await epochDocument(device, answer)
    const answers = await Promise.all([post(device, 'epoch', document), post(device, 'epoch', document)])
    expect(answers.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([200, 409])
    const late = await nonceFor(device)
    await fleet.sql('UPDATE device SET change_expires = 1 WHERE id = $1', [device.id])
    expect(problemIn(await post(device, 'epoch', await epochDocument(device, late)))).toEqual(unknown)
  })

  it('lies above what the device knows, should the server have been set back', async () => {
    const device = await enrolled()
    expect((await nonceFor(device, 7)).epoch).toBe(8)
  })

  it('is given to nobody else', async () => {
    const device = await enrolled()
    const answer = await nonceFor(device)
    const foreign = await epochDocument(device, answer, makeSoftKey())
    expect(problemIn(await post(device, 'epoch', foreign))).toEqual({
      status: 400,
      code: 'DEVICE_MISMATCH',
      detail: { field: 'keyId' },
    })
    const other = await enrolled()
    Object.assign(device, { account: other.account })
    expect(problemIn(await post(device, 'nonce'))).toEqual({ status: 401, code: 'UNAUTHENTICATED', detail: {} })
  })
})

describe('changes of a device in a day', () => {
  const begin = async (device: FleetDevice): Promise<Answer> =>
    post(device, 'epoch', await epochDocument(device, await nonceFor(device)))
  const setCount = ({ id }: FleetDevice, kind: string, times: number, since: number) =>
    fleet.sql('INSERT INTO device_change_count VALUES ($1, $2, $3, $4, $5)', [fleet.namespace, id, kind, since, times])

  it('look like two devices at the fourth epoch, and not over the days', async () => {
    const [device, other] = [await enrolled(), await enrolled()]
    for (let times = 1; times <= 3; times += 1) expect((await begin(device)).statusCode).toBe(200)
    expect(await kindsOf(device)).toEqual([])
    expect((await begin(device)).statusCode).toBe(200)
    expect(await kindsOf(device)).toEqual(['epoch'])
    await setCount(other, 'epoch', 3, fleet.now - 86_400)
    expect((await begin(other)).statusCode).toBe(200)
    expect(await kindsOf(other)).toEqual([])
  })

  it('end at what no device needs: nobody fills the audit trail with them', async () => {
    const device = await enrolled()
    await setCount(device, 'epoch', 100, fleet.now)
    await setCount(device, 'key', 10, fleet.now)
    expect(problemIn(await begin(device))).toMatchObject({ status: 429, code: 'RATE_EXCEEDED', detail: { limit: 100 } })
    const { nonce } = await nonceFor(device)
    const change = await post(device, 'key', await changeDocument(device, nonce, makeSoftKey()))
    expect(problemIn(change)).toMatchObject({ status: 429, code: 'RATE_EXCEEDED', detail: { limit: 10 } })
    expect((await device.report()).statusCode).toBe(200)
  })
})

describe('a change of keys', () => {
  it('is taken once, ends the old key at once and leaves the name', async () => {
    const device = await enrolled()
    await device.report()
    const next = makeSoftKey()
    const { nonce } = await nonceFor(device)
    const document = await changeDocument(device, nonce, next)
    expect((await post(device, 'key', document)).statusCode).toBe(204)
    expect(problemIn(await device.report())).toEqual({
      status: 400,
      code: 'REPORT_MISMATCH',
      detail: { field: 'keyId' },
    })
    device.counter = 1
    expect((await device.send(await device.sign({}, next))).statusCode).toBe(200)
    // The answer was lost, so the same comes again; and later on nothing old makes it go back.
    expect((await post(device, 'key', document)).statusCode).toBe(204)
    const back = await changeDocument(device, nonce, device.key, next)
    expect(problemIn(await post(device, 'key', back))).toEqual(unknown)
  })

  it('needs a nonce of the server’s, and the old key', async () => {
    const device = await enrolled()
    const next = makeSoftKey()
    const invented = await changeDocument(device, new Uint8Array(32), next)
    expect(problemIn(await post(device, 'key', invented))).toEqual(unknown)
    const { nonce } = await nonceFor(device)
    expect(problemIn(await post(device, 'key', await changeDocument(device, nonce, next, makeSoftKey())))).toEqual({
      status: 400,
      code: 'SIGNATURE_MISSING',
      detail: { role: 'device' },
    })
  })

  it('to the key of another device, or one of an algorithm that the root does not allow, is refused', async () => {
    const device = await enrolled()
    const other = await enrolled()
    const { nonce } = await nonceFor(device)
    expect(problemIn(await post(device, 'key', await changeDocument(device, nonce, other.key)))).toEqual({
      status: 409,
      code: 'CONFLICT',
      detail: { what: 'device key', why: 'another device has it' },
    })
    expect(problemIn(await post(device, 'key', await changeDocument(device, nonce, makeP256Key())))).toEqual({
      status: 400,
      code: 'ALGORITHM_NOT_ALLOWED',
      detail: { alg: -9 },
    })
  })

  it('shuts the old key out of enrolment, and the new one finds its old name', async () => {
    const device = await enrolled()
    const next = makeSoftKey()
    const { nonce } = await nonceFor(device)
    await post(device, 'key', await changeDocument(device, nonce, next))
    const claim = await fleet.claim(1)
    expect(problemIn(await device.enrol(claim))).toEqual({
      status: 403,
      code: 'ENROLMENT_REFUSED',
      detail: { why: 'the device has another key now' },
    })
    expect((await device.enrol(claim, { key: next.key }, next)).statusCode).toBe(200)
    expect(device.account?.deviceId).toBe(device.id)
  })

  it('between the look at a key and the write of a report ends that report', async () => {
    const device = await enrolled()
    await device.report()
    const report = await device.sign()
    const from = { namespace: fleet.namespace, deviceId: device.id }
    const key = Buffer.from(encodeCbor(coseKeyToCbor(makeSoftKey().key)))
    // The row stays locked until the report, verified with the key that the inbox remembers, waits for it.
    const taken = await fleet.server.database.transaction(async (manager) => {
      await manager.query('UPDATE device SET public_key = $2 WHERE id = $1', [device.id, key])
      const waiting = fleet.app.get(ReportInbox).take(report, from)
      await sleep(100)
      return { outcome: waiting.catch((error: { code: string }) => error.code) }
    })
    expect(await taken.outcome).toBe('REPORT_MISMATCH')
  })
})

describe('a simulated device', () => {
  let count = 0
  async function simulated(change: Partial<SimulatedDeviceOptions> = {}, isNew = true): Promise<SimulatedDevice> {
    count += 1
    if (fleet.app.getHttpServer().address() === null) await fleet.app.listen(0, '127.0.0.1')
    const { port } = fleet.app.getHttpServer().address() as AddressInfo
    const device = new SimulatedDevice({
      dir: join(folder, `device-${count}`),
      serverUrl: `http://127.0.0.1:${port}`,
      namespace: fleet.namespace,
      root1: fleet.trust.rootBytes,
      vendorId: VENDOR_ID,
      classId: CLASS_ID,
      ...change,
    })
    if (isNew) await device.enrol(await fleet.claim(2))
    return device
  }
  const held = async (device: SimulatedDevice) => {
    const [row] = await fleet.sql<{ report_epoch: number; report_counter: number; old_reports: number }>(
      'SELECT report_epoch, report_counter, old_reports FROM device WHERE id = $1',
      [device.id],
    )
    return row
  }

  it('that was wiped notices by the first answer, begins the next epoch and is heard again', async () => {
    const device = await simulated()
    await device.pollOnce()
    await device.repeatReport()
    expect(await held(device)).toEqual({ report_epoch: 1, report_counter: 1, old_reports: 0 })
    const { id } = device
    await device.wipe()
    expect([device.isEnrolled, device.id, device.trustState.krl]).toEqual([false, id, null])
    await device.enrol(await fleet.claim(1))
    await device.pollOnce()
    expect(await held(device)).toMatchObject({ report_epoch: 2, report_counter: 1 })
    expect([device.memory.record.epoch, device.memory.record.unacknowledged]).toEqual([2, null])
  })

  it('that is two, with one key and one memory between them, is seen to be', async () => {
    const device = await simulated()
    await device.pollOnce()
    const dir = join(folder, `device-${count}`)
    await cp(dir, `${dir}-copied`, { recursive: true })
    const copy = await simulated({ dir: `${dir}-copied` }, false)
    // What the one tells now has numbers that the other one never gave.
    for (const number of [31, 32]) {
      await fleet.publishKrl({ number })
      await device.pollOnce()
    }
    for (let rounds = 0; rounds < 12 && (await kindsOf(device)).length === 0; rounds += 1)
      for (const each of [device, copy]) {
        await each.pollOnce()
        await each.repeatReport()
      }
    expect((await kindsOf(device)).length).toBe(1)
  })

  it('changes its key, keeps its name, is wiped and still known', async () => {
    const device = await simulated()
    await device.pollOnce()
    const { id } = device
    await device.changeKey()
    await device.takeKrl(fleet.signers.krl?.bytes ?? new Uint8Array(0))
    await device.wipe()
    await device.enrol(await fleet.claim(1))
    await device.pollOnce()
    expect([device.id, (await held(device))?.report_epoch]).toEqual([id, 2])
  })

  it('without a clock is told the time by a statement of the online signer with its own nonce', async () => {
    const device = await simulated({ clockSeconds: () => null })
    expect(device.trustState.latestSeconds).toBe(fleet.trust.root.issued)
    const asked = fleet.signers.nonces.length
    expect(await device.pollOnce()).toMatchObject({ state: 'idle' })
    expect(device.trustState.latestSeconds).toBeGreaterThan(fleet.now - 60)
    await device.pollOnce()
    expect(fleet.signers.nonces.length).toBe(asked + 2)
    expect(new Set(fleet.signers.nonces.slice(asked)).size).toBe(2)
  })
})
