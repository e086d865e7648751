import { describe, expect, it } from '@jest/globals'
import { DataSource } from 'typeorm'
import { totalOf } from '../../src/domain/rollout/counts.js'
import { first, firstTwo, problemIn, type FleetDevice } from '../support/fleet-device.js'
import type { TestRelease } from '../support/fleet-fixture.js'
import { StandingClock } from '../support/hand-server-clock.js'
import { RolloutScene } from '../support/rollout-scene.js'

const HOUR = 3_600
/** Noon in UTC, fourteen hours before Berlin's clocks go forward. */
const clock = new StandingClock(Date.parse('2027-03-27T12:00:00Z') / 1_000)
const scene = new RolloutScene({ world: { clock } })
const all = { stages: [{ percent: 100 }] }
const lenient = { gate: { confirmedPercent: 1 }, failureLimit: { percent: 100 } }

const totals = async (id: string) => (await scene.fleet.show(id)).totals
const waitsFor = async (id: string) => (await scene.fleet.show(id)).waitingFor
const waits = async (id: string) => {
  const { waitingFor, waitsUntil } = await scene.fleet.show(id)
  return [waitingFor, waitsUntil === null ? null : new Date(waitsUntil * 1_000).toISOString()]
}
const place = (device: FleetDevice, attributes: object) =>
  scene.fleet.call('PATCH', `/devices/${device.id}/facts`, { attributes })
async function confirmAll(id: string): Promise<void> {
  for (const device of await scene.fleet.in(id, 'offered')) await scene.fleet.confirm(device, scene.release, id)
}
/** Sets the clock forward. @returns how many devices have been offered something by then. */
async function offersAfter(id: string, seconds: number): Promise<number> {
  // A round that has counted already must not be the one that sees the new time.
  await scene.settle()
  clock.pass(seconds)
  await scene.settle()
  const counts = await totals(id)
  return totalOf(counts) - counts.queued
}

describe('a rate', () => {
  it('that is constant is kept, and a late tick catches up on five seconds and no more', async () => {
    const id = await scene.start(await scene.set(8), { ...all, rates: { perMinute: { constant: 6 } } })
    expect(await offersAfter(id, 0)).toBe(1)
    expect(await waitsFor(id)).toBe('RATE_LIMIT')
    expect(await offersAfter(id, 9)).toBe(1)
    expect(await offersAfter(id, 1)).toBe(2)
    expect(await offersAfter(id, 300)).toBe(3)
    expect(await offersAfter(id, 4)).toBe(3)
    expect(await offersAfter(id, 1)).toBe(4)
  }, 120_000)

  it('that is exponential doubles with what confirmed, up to its most', async () => {
    const perMinute = { base: 1, factor: 2, everyConfirmed: 1, most: 3 }
    const id = await scene.start(await scene.set(6), { ...all, rates: { perMinute } })
    expect(await offersAfter(id, 0)).toBe(1)
    expect(await offersAfter(id, 59)).toBe(1)
    expect(await offersAfter(id, 1)).toBe(2)
    await confirmAll(id)
    // Four a minute by then, held to three.
    expect(await offersAfter(id, 60)).toBe(3)
    expect(await offersAfter(id, 14)).toBe(3)
    expect(await offersAfter(id, 6)).toBe(4)
  }, 120_000)

  it('of what is in flight leaves a place for each device that has ended', async () => {
    const id = await scene.start(await scene.set(4), { ...all, ...lenient, rates: { inFlight: 2 } })
    expect(await offersAfter(id, 0)).toBe(2)
    expect(await waitsFor(id)).toBe('IN_FLIGHT_LIMIT')
    const [one] = first(await scene.fleet.in(id, 'offered'))
    await one.report({ state: 'failed', rolloutId: id })
    expect(await offersAfter(id, 0)).toBe(3)
  }, 120_000)

  it('of bytes counts a download for each offer', async () => {
    // An image has 5,000 bytes.
    const id = await scene.start(await scene.set(3), { ...all, rates: { bytesPerSecond: 250 } })
    expect(await offersAfter(id, 0)).toBe(1)
    expect(await offersAfter(id, 19)).toBe(1)
    expect(await offersAfter(id, 1)).toBe(2)
  }, 120_000)

  it('stands below the pace that people signed, which is given back after an hour', async () => {
    const id = await scene.start(await scene.set(3), { ...all, devicesPerHour: 1 })
    expect(await offersAfter(id, 0)).toBe(1)
    expect(await waitsFor(id)).toBe('PACE_EXCEEDED')
    expect(await offersAfter(id, HOUR - 60)).toBe(1)
    expect(await offersAfter(id, 180)).toBe(2)
  }, 120_000)
})

describe('the budget of a site', () => {
  it('lets so many of it through at once, whatever rollout they are in', async () => {
    const devices = await scene.set(5)
    const elsewhere = devices[4]
    for (const device of devices.slice(0, 4)) await place(device, { site: 'berlin' })
    const id = await scene.start(devices.slice(0, 2), { ...all, siteBudget: { devices: 1 } })
    expect(await offersAfter(id, 0)).toBe(1)
    expect(await waitsFor(id)).toBe('SITE_BUDGET')
    const other = await scene.start(devices.slice(2), { ...all, siteBudget: { devices: 1 } })
    expect(await offersAfter(other, 0)).toBe(1)
    expect((await scene.fleet.in(other, 'offered')).map((device) => device.id)).toEqual([elsewhere?.id])
    await confirmAll(id)
    await scene.settle()
    const busy = [await scene.fleet.in(id, 'offered'), await scene.fleet.in(other, 'offered')].flat()
    expect(busy.filter((device) => device !== elsewhere)).toHaveLength(1)
  }, 120_000)

  it('in percent is one device at least', async () => {
    const devices = await scene.set(3)
    for (const device of devices) await place(device, { site: 'lyon' })
    const id = await scene.start(devices, { ...all, siteBudget: { percent: 10 } })
    expect(await offersAfter(id, 0)).toBe(1)
  }, 120_000)
})

describe('an attempt', () => {
  it('that failed is repeated as often as the rollout says, each time after twice as long', async () => {
    const retries = { retries: 2, retryAfterSeconds: 60 }
    const id = await scene.start(await scene.set(1), { ...all, ...retries })
    await scene.settle()
    const fail = async () => {
      const [device] = first(await scene.fleet.in(id, 'offered'))
      await device.report({ state: 'failed', rolloutId: id })
    }
    await fail()
    const failedAt = clock.nowSeconds()
    expect(await offersAfter(id, 59)).toBe(0)
    expect(await waits(id)).toEqual(['RETRY_LATER', new Date((failedAt + 60) * 1_000).toISOString()])
    expect(await offersAfter(id, 1)).toBe(1)
    await fail()
    expect(await offersAfter(id, 119)).toBe(0)
    expect(await offersAfter(id, 1)).toBe(1)
    await fail()
    await scene.settle()
    expect(await scene.fleet.show(id)).toMatchObject({ state: 'paused', totals: { failed: 1, queued: 0 } })
  }, 120_000)

  it('of a silent device gives its place in flight to the next', async () => {
    const change = { ...lenient, rates: { inFlight: 1 }, silenceSeconds: 600 }
    const id = await scene.start(await scene.set(2), { ...all, ...change })
    expect(await offersAfter(id, 0)).toBe(1)
    const [silent] = first(await scene.fleet.in(id, 'offered'))
    expect(await offersAfter(id, 600)).toBe(1)
    expect(await offersAfter(id, 61)).toBe(2)
    expect((await scene.fleet.in(id, 'timedOut')).map((device) => device.id)).toEqual([silent.id])
    // It comes back and has done it after all.
    await scene.fleet.confirm(silent, scene.release, id)
    expect(await totals(id)).toMatchObject({ timedOut: 0, confirmed: 1 })
  }, 120_000)

  it('in a rollout that only downloads is done when the image is stored', async () => {
    const id = await scene.start(await scene.set(1), { ...all, mode: 'download-only' })
    await scene.settle()
    const [device] = first(await scene.fleet.in(id, 'offered'))
    await device.report({ state: 'downloaded', rolloutId: id })
    await scene.settle()
    expect(await scene.fleet.show(id)).toMatchObject({ state: 'finished', totals: { stored: 1, confirmed: 0 } })
  }, 120_000)
})

describe('the way to a release', () => {
  const setPath = (release: TestRelease, path: object) => scene.fleet.call('POST', `/releases/${release.id}/path`, path)

  it('leads over its stepping stones; who would step over one waits until it runs it', async () => {
    const [behind, there] = firstTwo(await scene.set(2))
    const stone = scene.release
    await setPath(stone, { isSteppingStone: true })
    const target = await scene.newRelease()
    there.running = { manifestSha256: stone.manifestSha256, sequence: stone.sequence }
    await there.report()
    const id = await scene.start([behind, there], { ...all, gate: { confirmedPercent: 100 } })
    await scene.settle()
    expect((await scene.fleet.in(id, 'offered')).map((device) => device.id)).toEqual([there.id])
    behind.running = { manifestSha256: stone.manifestSha256, sequence: stone.sequence }
    await behind.report()
    await scene.fleet.confirm(there, target, id)
    await scene.settle()
    expect((await scene.fleet.in(id, 'offered')).map((device) => device.id)).toEqual([behind.id])
    await setPath(stone, { isSteppingStone: false })
  }, 120_000)

  it('is looked at again when a device is offered something: who is queued waits when it has become longer', async () => {
    const path = { ...all, gate: { confirmedPercent: 100 }, rates: { inFlight: 1 } }
    const id = await scene.start(await scene.set(2), path)
    await scene.settle()
    const [one] = first(await scene.fleet.in(id, 'offered'))
    await setPath(scene.release, { leastVersion: '1.1.0' })
    await scene.fleet.confirm(one, scene.release, id)
    await scene.settle()
    expect((await scene.fleet.show(id)).totals).toMatchObject({ confirmed: 1, queued: 1, offered: 0 })
    await setPath(scene.release, { leastVersion: null })
    await scene.settle()
    expect((await scene.fleet.show(id)).totals).toMatchObject({ confirmed: 1, queued: 0, offered: 1 })
  }, 120_000)

  it('that does not exist is told before the start', async () => {
    const devices = await scene.set(2)
    await setPath(scene.release, { leastVersion: '9.0.0' })
    const { id } = await scene.fleet.rollout(scene.release, devices, all)
    expect(problemIn(await scene.fleet.raw('POST', `/rollouts/${id}/start`))).toEqual({
      status: 409,
      code: 'PLAN_IMPOSSIBLE',
      detail: { why: 'no-path', devices: 2 },
    })
  }, 120_000)
})

describe('begin and end of a plan', () => {
  it('are kept: nothing before the one, nothing new after the other', async () => {
    const time = { notBefore: clock.nowSeconds() + 100, expires: clock.nowSeconds() + 200 }
    const id = await scene.start(await scene.set(2), { ...all, ...time, rates: { inFlight: 1 } })
    expect(await offersAfter(id, 99)).toBe(0)
    expect(await offersAfter(id, 1)).toBe(1)
    const [device] = first(await scene.fleet.in(id, 'offered'))
    clock.pass(100)
    await scene.fleet.confirm(device, scene.release, id)
    await scene.settle()
    expect(await scene.fleet.show(id)).toMatchObject({
      state: 'paused',
      pauseReason: 'plan-expired',
      totals: { confirmed: 1, queued: 1 },
    })
  }, 120_000)

  it.each([
    ['more-devices-than-signed', { devicesTotal: 1 }],
    ['plan-ends-first', { devicesPerHour: 1, expires: clock.nowSeconds() + 2 * HOUR + HOUR }],
    ['window-never-opens', { schedule: { download: ['02:00-03:00'], blackout: ['2027-03-01..2027-12-31'] } }],
  ])('a plan that cannot be kept is refused before the start: %s', async (why, change) => {
    const { id } = await scene.fleet.rollout(scene.release, await scene.set(9), { ...all, ...change })
    const answer = problemIn(await scene.fleet.raw('POST', `/rollouts/${id}/start`))
    expect(answer).toEqual({ status: 409, code: 'PLAN_IMPOSSIBLE', detail: { why, devices: 9 } })
    expect(await totals(id)).toMatchObject({ queued: 0, offered: 0 })
  })
})

describe('windows', () => {
  it('are those of the place of each device, on the day its clocks change too, and shut on blackout days', async () => {
    const [berlin, york] = firstTwo(await scene.set(2))
    await place(berlin, { timeZone: 'Europe/Berlin' })
    await place(york, { timeZone: 'America/New_York' })
    const schedule = { download: ['04:00-05:00'], blackout: ['2027-03-29'] }
    const at = async (time: string): Promise<readonly string[]> => {
      clock.set(Date.parse(time) / 1_000)
      await scene.settle()
      return (await scene.fleet.in(id, 'offered')).map((device) => device.id)
    }
    clock.set(Date.parse('2027-03-27T23:00:00Z') / 1_000)
    const id = await scene.start([berlin, york], { ...all, schedule })
    await scene.settle()
    expect(await waits(id)).toEqual(['WINDOW_CLOSED', '2027-03-28T02:00:00.000Z'])
    // Four o'clock in Berlin is three in UTC until this night, and two from then on.
    expect(await at('2027-03-28T01:59:59Z')).toEqual([])
    expect(await at('2027-03-28T02:00:00Z')).toEqual([berlin.id])
    await scene.fleet.confirm(berlin, scene.release, id)
    expect(await at('2027-03-28T07:59:59Z')).toEqual([])
    expect(await waits(id)).toEqual(['WINDOW_CLOSED', '2027-03-28T08:00:00.000Z'])
    const late = first(await scene.fleet.enrolDevices(1))[0]
    await place(late, { timeZone: 'Europe/Berlin' })
    const next = await scene.start([late], { ...all, schedule })
    expect(await at('2027-03-28T08:00:00Z')).toEqual([york.id])
    await at('2027-03-29T02:30:00Z')
    expect(await totals(next)).toMatchObject({ queued: 1, offered: 0 })
    await at('2027-03-30T02:30:00Z')
    expect(await totals(next)).toMatchObject({ queued: 0, offered: 1 })
  }, 120_000)

  it('for installing are what a rollout waits for whose devices all have the image', async () => {
    const [one, two] = firstTwo(await scene.set(2))
    clock.set(Date.parse('2027-04-05T12:00:00Z') / 1_000)
    const schedule = { timeZone: 'Europe/Berlin', install: ['22:00-23:00'] }
    const id = await scene.start([one, two], { ...all, schedule })
    await scene.settle()
    await one.report({ state: 'downloaded', rolloutId: id })
    expect(await waits(id)).toEqual([null, null])
    await two.report({ state: 'downloaded', rolloutId: id })
    expect(await waits(id)).toEqual(['WINDOW_CLOSED', '2027-04-05T20:00:00.000Z'])
    clock.set(Date.parse('2027-04-05T20:00:00Z') / 1_000)
    expect(await waits(id)).toEqual([null, null])
  }, 120_000)
})

describe('a report about a rollout', () => {
  it('that never had anything for its device is refused, counted, and changes nothing', async () => {
    const devices = await scene.set(1)
    const id = await scene.start(devices, all)
    await scene.settle()
    const [device] = first(await scene.fleet.in(id, 'offered'))
    const rolloutId = '00000000-0000-4000-8000-000000000000'
    expect(problemIn(await device.report({ state: 'failed', rolloutId }))).toMatchObject({
      status: 409,
      code: 'REPORT_ROLLOUT',
      detail: { rolloutId },
    })
    expect(await totals(id)).toMatchObject({ offered: 1, failed: 0 })
    const refused = await scene.fleet.call('GET', '/refused-reports')
    expect(refused).toMatchObject({ items: [{ code: 'REPORT_ROLLOUT', reports: 1 }] })
  }, 120_000)
})

describe('devices that fit the filter no more', () => {
  it('leave, however many stand before one that still does', async () => {
    await scene.set(1)
    const database = scene.fleet.app.get(DataSource)
    await database.query(
      `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at, tags)
       SELECT d.namespace, encode(h, 'hex'), d.class_id, h, h, 1, 1, '{leaving}'
       FROM (SELECT namespace, class_id FROM device LIMIT 1) d, generate_series(1, 1500) n, sha256(n::text::bytea) h`,
    )
    clock.set(Date.parse('2027-04-06T12:00:00Z') / 1_000)
    const plan = { filter: { where: 'tag leaving' }, schedule: { download: ['14:00-15:00'] } }
    const pace = { devicesTotal: 2_000, devicesPerHour: 2_000 }
    const id = await scene.start([], { ...all, ...plan, ...pace })
    await scene.settle()
    expect(await totals(id)).toMatchObject({ queued: 1_500 })
    await database.query(
      `UPDATE device d SET tags = '{}' FROM (SELECT * FROM deployment WHERE rollout_id = $1 ORDER BY place LIMIT 1499) p
       WHERE d.namespace = p.namespace AND d.id = p.device_id`,
      [id],
    )
    expect(await offersAfter(id, 2 * HOUR)).toBe(1_500)
    expect(await totals(id)).toMatchObject({ queued: 0, offered: 1, superseded: 1_499 })
  }, 120_000)
})
