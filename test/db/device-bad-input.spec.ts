import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FleetDevice, first, problemIn } from '../support/fleet-device.js'
import { FleetFixture } from '../support/fleet-fixture.js'

let fleet: FleetFixture
let device: FleetDevice
let other: FleetDevice
beforeAll(async () => {
  fleet = await FleetFixture.start({ withCertificates: true })
  const [one, two] = first(await fleet.enrolDevices(2))
  if (two === undefined) throw new Error('none')
  device = one
  other = two
}, 240_000)
afterAll(() => fleet.stop(), 120_000)

interface Asked {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly authorization?: string | undefined
  readonly body?: Buffer
  readonly type?: string
}
async function ask({ method = 'POST', path, authorization, body, type = 'application/cbor' }: Asked) {
  const answer = await fleet.app.inject({
    method,
    url: path.startsWith('/') ? path : `${device.base}/${path}`,
    headers: {
      ...(authorization === undefined ? {} : { authorization }),
      ...(body === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { payload: body }),
  })
  const { code } = JSON.parse(answer.body) as { code?: string }
  return { status: answer.statusCode, code }
}
const counted = async (): Promise<ReadonlyMap<string, number>> => {
  const { items } = await fleet.call<{ items: { kind: string; count: number }[] }>('GET', '/device-refusals')
  return new Map(items.map(({ kind, count }) => [kind, count]))
}
const big = Buffer.alloc(70_000)
const rubbish = Buffer.from('{"not": "cbor"')

describe('what a device should not send is answered by its right status, and counted', () => {
  const own = (): string => device.authorization
  it.each<[string, () => Asked, number, string]>([
    ['no token', () => ({ method: 'GET', path: `${device.id}/update` }), 401, 'UNAUTHENTICATED'],
    [
      'a wrong token',
      () => ({ method: 'GET', path: `${device.id}/update`, authorization: `Device csd_${'x'.repeat(43)}` }),
      401,
      'UNAUTHENTICATED',
    ],
    [
      'a token of another kind',
      () => ({ method: 'GET', path: `${device.id}/update`, authorization: 'Basic Zm9vOmJhcg==' }),
      401,
      'UNAUTHENTICATED',
    ],
    [
      'the token of another device',
      () => ({ method: 'GET', path: `${device.id}/update`, authorization: other.authorization }),
      401,
      'UNAUTHENTICATED',
    ],
    [
      'an id that is none',
      () => ({ method: 'GET', path: `${'z'.repeat(200)}/update`, authorization: own() }),
      401,
      'UNAUTHENTICATED',
    ],
    [
      'a number that is none',
      () => ({ method: 'GET', path: `${device.id}/update?root=-1`, authorization: own() }),
      400,
      'REQUEST_INVALID',
    ],
    [
      'a nonce that is none',
      () => ({ method: 'GET', path: `${device.id}/update?nonce=zz`, authorization: own() }),
      400,
      'REQUEST_INVALID',
    ],
    [
      'a payload that is not released',
      () => ({ method: 'GET', path: `payload/${'0'.repeat(64)}`, authorization: own() }),
      404,
      'NOT_FOUND',
    ],
    [
      'a digest that is none',
      () => ({ method: 'GET', path: 'payload/..%2f..', authorization: own() }),
      400,
      'REQUEST_INVALID',
    ],
    ['a root that is not there', () => ({ method: 'GET', path: 'root/999' }), 404, 'NOT_FOUND'],
    [
      'a call that there is none of',
      () => ({ method: 'PUT', path: `${device.id}/update`, authorization: own() }),
      404,
      'NOT_FOUND',
    ],
    [
      'a body too large',
      () => ({ path: `${device.id}/report`, authorization: own(), body: big }),
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'a body of another kind',
      () => ({ path: `${device.id}/report`, authorization: own(), body: rubbish, type: 'text/html' }),
      415,
      'REQUEST_INVALID',
    ],
    [
      'JSON for CBOR',
      () => ({ path: `${device.id}/report`, authorization: own(), body: rubbish, type: 'application/json' }),
      400,
      'REQUEST_INVALID',
    ],
    [
      'an empty body',
      () => ({ path: `${device.id}/report`, authorization: own(), body: Buffer.alloc(0) }),
      400,
      'REQUEST_INVALID',
    ],
    [
      'an enrolment by a token that is none',
      () => ({ path: 'enrol', authorization: 'Claim x', body: rubbish }),
      401,
      'UNAUTHENTICATED',
    ],
  ])('%s', async (_, asked, status, code) => {
    const before = (await counted()).get(code) ?? 0
    expect(await ask(asked())).toEqual({ status, code })
    expect((await counted()).get(code)).toBe(before + 1)
  })

  it.each(['report', 'nonce?epoch=x', 'epoch', 'key', 'certificate'])('no CBOR at /%s', async (path) => {
    for (const body of [rubbish, Buffer.from([0xff]), Buffer.from([0xd2, 0x84]), Buffer.alloc(60_000, 0x81)]) {
      const { status, code } = await ask({ path: `${device.id}/${path}`, authorization: own(), body })
      expect({ path, status: status >= 400 && status < 500, code }).toEqual({
        path,
        status: true,
        code: expect.any(String),
      })
    }
  })
})

it('too large is told the limit of its own kind', async () => {
  const answer = await fleet.app.inject({
    method: 'POST',
    url: `${device.base}/${device.id}/report`,
    headers: { authorization: device.authorization, 'content-type': 'application/cbor' },
    payload: Buffer.alloc(65_537),
  })
  expect(problemIn(answer)).toEqual({ status: 413, code: 'BODY_TOO_LARGE', detail: { limitBytes: 65_536 } })
})

describe('reports', () => {
  it('twice, late, of another device and with an unknown word are told apart, and change nothing', async () => {
    const report = await device.sign({ state: 'idle' })
    expect((await device.send(report)).statusCode).toBe(200)
    const codeOf = async (document: Uint8Array, by = device) => {
      const { status, code } = await ask({
        path: `${by.id}/report`,
        authorization: by.authorization,
        body: Buffer.from(document),
      })
      return `${status} ${code}`
    }
    expect(await codeOf(report)).toBe('409 REPORT_OLD')
    expect(await codeOf(report, other)).toBe('400 REPORT_MISMATCH')
    expect(await codeOf(await device.sign({ namespace: 'meter/prod' }))).toBe('400 REPORT_MISMATCH')
    expect(await codeOf(await device.sign({ state: 'dancing' as 'idle' }))).toMatch(/^400 DOCUMENT_MALFORMED$/)
    expect(await codeOf(await device.sign({ rolloutId: '00000000-0000-4000-8000-000000000000' }))).toBe(
      '409 REPORT_ROLLOUT',
    )
  })
})

it('a namespace that is not served is not found, and not counted', async () => {
  const before = await counted()
  expect(await ask({ method: 'GET', path: `/device/v1/no/such/${device.id}/update` })).toEqual({
    status: 404,
    code: 'NOT_FOUND',
  })
  expect(await counted()).toEqual(before)
})
