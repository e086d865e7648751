import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, afterAll, describe, expect, it, jest } from '@jest/globals'
import pg from 'pg'
import { parseUpdateAnswer } from '../../src/protocol/device-http.js'
import { DecisionLog } from '../../src/server/http/decision-log.service.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { first, type FleetDevice } from '../support/fleet-device.js'
import { eventually, FleetFixture } from '../support/fleet-fixture.js'

interface Polled {
  readonly status: number
  readonly etag: string | null
  readonly retryAfter: number
  readonly bytes: Uint8Array
  /** Only the long way gives a request its id. */
  readonly isKept: boolean
}
const portOf = async (fleet: FleetFixture): Promise<number> => {
  await fleet.app.listen(0, '127.0.0.1')
  return (fleet.app.getHttpServer() as { address(): AddressInfo }).address().port
}
async function get(port: number, path: string, headers: Record<string, string>): Promise<Polled> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
  return {
    status: answer.status,
    etag: answer.headers.get('etag'),
    retryAfter: Number(answer.headers.get('retry-after')),
    bytes: new Uint8Array(await answer.arrayBuffer()),
    isKept: answer.headers.get('x-request-id') === null,
  }
}

describe('polls of our own protocol', () => {
  let fleet: FleetFixture
  let port = 0
  beforeAll(async () => {
    fleet = await FleetFixture.start({
      polling: { pollSeconds: 600, jitterPercent: 0, pollOverrides: [{ filter: 'has site', pollSeconds: 60 }] },
    })
    port = await portOf(fleet)
  }, 240_000)
  afterAll(() => fleet.stop(), 120_000)

  const poll = (device: FleetDevice, headers: Record<string, string> = {}): Promise<Polled> =>
    get(port, `${device.base}/${device.id}/update?root=1&krl=1`, { authorization: device.authorization, ...headers })
  const secondsOf = ({ bytes }: Polled): number | undefined => parseUpdateAnswer(bytes).pollSeconds
  async function idle(): Promise<FleetDevice> {
    const [device] = first(await fleet.enrolDevices(1))
    await eventually(async () => ((await poll(device)).isKept ? true : null))
    return device
  }

  it('that find nothing are answered from memory, with 304 for whoever has the answer, and to nobody else', async () => {
    const device = await idle()
    const kept = await poll(device)
    expect([kept.status, kept.isKept, secondsOf(kept)]).toEqual([200, true, 600])
    const again = await poll(device, { 'if-none-match': kept.etag ?? '' })
    expect([again.status, again.isKept, again.bytes.length]).toEqual([304, true, 0])
    for (const authorization of ['', 'Device csd_x', `Device csd_${'A'.repeat(43)}`])
      expect((await poll(device, { authorization })).status).toBe(401)
    const other = await idle()
    expect((await poll(device, { authorization: other.authorization })).status).toBe(401)
  })

  it('are looked at anew when the device reports, is told another interval, or is offered something', async () => {
    const device = await idle()
    await device.report({ state: 'idle' })
    await eventually(async () =>
      parseUpdateAnswer((await poll(device)).bytes).ack?.counter === device.counter ? true : null,
    )
    await fleet.sql(`UPDATE device SET attributes = '{"site":"berlin"}' WHERE id = $1`, [device.id])
    await eventually(async () => (secondsOf(await poll(device)) === 60 ? true : null))
    const release = await fleet.release(30)
    const { id } = await fleet.rollout(release, [device], { stages: [{ percent: 100 }] })
    await fleet.call('POST', `/rollouts/${id}/start`)
    await eventually(async () => (parseUpdateAnswer((await poll(device)).bytes).assignment === undefined ? null : true))
    expect((await poll(device)).isKept).toBe(false)
  })

  it('are looked at anew when a KRL is new', async () => {
    const device = await idle()
    await fleet.publishKrl({ number: 2 })
    await eventually(async () => (parseUpdateAnswer((await poll(device)).bytes).krl === undefined ? null : true))
  })

  it('of a decommissioned device end at once', async () => {
    const device = await idle()
    await fleet.raw('POST', `/devices/${device.id}/decommission`)
    await eventually(async () => ((await poll(device)).status === 401 ? true : null))
  })

  it('come before a window opens, whatever the interval', async () => {
    const device = await idle()
    const hour = (seconds: number): string => new Date((fleet.now + seconds) * 1_000).toISOString().slice(11, 16)
    const release = await fleet.release(31)
    const { id } = await fleet.rollout(release, [device], {
      stages: [{ percent: 100 }],
      schedule: { timeZone: 'UTC', install: [`${hour(300)}-${hour(7_200)}`] },
    })
    await fleet.call('POST', `/rollouts/${id}/start`)
    await eventually(async () => (parseUpdateAnswer((await poll(device)).bytes).assignment === undefined ? null : true))
    const seconds = secondsOf(await poll(device)) ?? 0
    // It opens within five minutes by the minute, and each device has its own share of one more.
    expect(seconds).toBeGreaterThan(200)
    expect(seconds).toBeLessThanOrEqual(361)
  })
})

describe.each(['native', 'ddi'] as const)('a herd of polls (%s)', (protocol) => {
  const scene = new DdiScene({ policy: legacyPolicy() ?? {}, config: { pollsAtOnce: 3 } })
  let port = 0
  beforeAll(async () => {
    port = await portOf(scene.fleet)
  }, 240_000)

  it('is told when to come back, comes then, and has its answers without an error', async () => {
    const herd = 60
    const failures = jest.spyOn(scene.fleet.app.get(DecisionLog), 'error')
    const asks =
      protocol === 'native'
        ? (await scene.fleet.enrolDevices(herd)).map(
            (device) => () => get(port, `${device.base}/${device.id}/update`, { authorization: device.authorization }),
          )
        : (await Promise.all(Array.from({ length: herd }, () => scene.client()))).map(
            (client) => () => get(port, client.base, { authorization: client.authorization }),
          )
    const seen = new Map<number, number>()
    // As after an outage: the database answers late, and polls pile up until some are sent away.
    const database = new pg.Client({ connectionString: scene.fleet.databaseUrl })
    await database.connect()
    await database.query('BEGIN')
    await database.query('LOCK TABLE device')
    const served = await Promise.all(
      asks.map(async (ask) => {
        for (let tries = 1; ; tries += 1) {
          const { status, retryAfter } = await ask()
          seen.set(status, (seen.get(status) ?? 0) + 1)
          if (status !== 503) return status
          await database.query('ROLLBACK')
          expect(retryAfter).toBeGreaterThanOrEqual(1)
          expect(tries).toBeLessThan(20)
          await sleep(retryAfter * 1_000)
        }
      }),
    )
    await database.end()
    expect(served.every((status) => status === 200)).toBe(true)
    expect([...seen.keys()].toSorted((a, b) => a - b)).toEqual([200, 503])
    // Who is sent away is told so: no failure for somebody to look into, and no stack for each.
    expect(failures).not.toHaveBeenCalled()
    failures.mockRestore()
  })
})
