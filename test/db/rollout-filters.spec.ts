import { describe, expect, it } from '@jest/globals'
import { first, firstTwo, problemIn, type FleetDevice } from '../support/fleet-device.js'
import { RolloutScene } from '../support/rollout-scene.js'

const scene = new RolloutScene()
const gate = { confirmedPercent: 100 }
let tags = 0
/** A tag that no other test uses. */
const newTag = (): string => `t${(tags += 1)}`
const change = (device: FleetDevice, body: object) => scene.fleet.call('PATCH', `/devices/${device.id}/facts`, body)
const tag = (device: FleetDevice, name: string) => change(device, { addTags: [name] })
const untag = (device: FleetDevice, name: string) => change(device, { removeTags: [name] })
const ids = (devices: readonly FleetDevice[]): string[] => devices.map(({ id }) => id).toSorted()
const about = (where: string, more: object = {}) => ({ filter: { where }, gate, stages: [{ percent: 100 }], ...more })

describe('a rollout with a filter', () => {
  it('reaches the devices that fit, and no others', async () => {
    const devices = await scene.set(5)
    const name = newTag()
    const [one, two] = firstTwo(devices)
    await tag(one, name)
    await change(two, { attributes: { site: name } })
    const id = await scene.start([], about(`tag ${name} or site = "${name}"`))
    const offered = await scene.offered(id, 2)
    expect(ids(offered)).toEqual(ids([one, two]))
    for (const device of offered) await scene.fleet.confirm(device, scene.release, id)
    const done = await scene.fleet.until(id, (view) => view.state === 'finished')
    expect(done).toMatchObject({ where: `tag ${name} or site = "${name}"`, totals: { confirmed: 2 } })
  }, 60_000)

  it('is joined by a device that begins to fit, and left by one that fits no more before it was offered anything', async () => {
    const devices = await scene.set(4)
    const name = newTag()
    const [one, two, three] = devices
    if (one === undefined || two === undefined || three === undefined) throw new Error('too few')
    for (const device of [one, two]) await tag(device, name)
    // One at a time: the second waits in the queue.
    const id = await scene.start([], about(`tag ${name}`, { rates: { inFlight: 1 } }))
    const [begun] = first(await scene.offered(id, 1))
    const waits = begun.id === one.id ? two : one
    await untag(waits, name)
    await tag(three, name)
    await scene.fleet.confirm(begun, scene.release, id)
    const [late] = first(await scene.offered(id, 1))
    expect(late.id).toBe(three.id)
    // Back again before the end.
    await tag(waits, name)
    await scene.fleet.confirm(late, scene.release, id)
    const [back] = first(await scene.offered(id, 1))
    expect(back.id).toBe(waits.id)
    await scene.fleet.confirm(back, scene.release, id)
    const done = await scene.fleet.until(id, (view) => view.state === 'finished')
    expect(done.totals).toMatchObject({ confirmed: 3, queued: 0, superseded: 0 })
  }, 60_000)

  it('does not take back what a device that fits no more has begun', async () => {
    const [device] = first(await scene.set(1))
    const name = newTag()
    await tag(device, name)
    const id = await scene.start([], about(`tag ${name}`))
    await scene.offered(id, 1)
    await untag(device, name)
    await scene.fleet.confirm(device, scene.release, id)
    const done = await scene.fleet.until(id, (view) => view.state === 'finished')
    expect(done.totals.confirmed).toBe(1)
  }, 60_000)
})

describe('a stage with a filter', () => {
  it('takes only devices that fit, as many as it reaches', async () => {
    const devices = await scene.set(6)
    const [name, canary] = [newTag(), newTag()]
    for (const device of devices) await tag(device, name)
    const canaries = devices.slice(0, 2)
    for (const device of canaries) await tag(device, canary)
    const stages = [{ devices: 4, where: `tag ${canary}` }, { percent: 100 }]
    const { id } = await scene.fleet.rollout(scene.release, [], about(`tag ${name}`, { stages }))
    const plan = await scene.fleet.call('GET', `/rollouts/${id}/plan`)
    expect(plan).toMatchObject({ devices: { target: 6, reached: 6 }, stages: [{ devices: 2 }, { devices: 4 }] })
    await scene.fleet.call('POST', `/rollouts/${id}/start`)
    const offered = await scene.offered(id, 2)
    expect(ids(offered)).toEqual(ids(canaries))
    for (const device of offered) await scene.fleet.confirm(device, scene.release, id)
    for (const device of await scene.offered(id, 4)) await scene.fleet.confirm(device, scene.release, id)
    const done = await scene.fleet.until(id, (view) => view.state === 'finished')
    expect(done.stages.map(({ size, where }) => [size, where])).toEqual([
      [2, `tag ${canary}`],
      [4, null],
    ])
  }, 60_000)
})

describe('before anything moves', () => {
  const refused = async (body: object): Promise<unknown> => {
    const answer = await scene.fleet.raw('POST', '/rollouts', {
      ...{ releaseId: scene.release.id, stages: [{ percent: 100 }], gate, failureLimit: { count: 0 } },
      ...{ devicesPerHour: 10, devicesTotal: 10, ...body },
    })
    return problemIn(answer)
  }

  it.each([
    ['filter.where', { filter: { where: 'tag a and' } }, 10],
    ['filter.where', { filter: { where: 'group nobody-made-it' } }, 7],
    ['stages.1.where', { stages: [{ devices: 1 }, { percent: 100, where: 'site <> 5' }] }, 7],
  ])(
    'a filter that is not understood, or asks for a group that is not there, is refused with field and column: %s',
    async (field, body, column) => {
      expect(await refused(body)).toMatchObject({ status: 400, code: 'FILTER_INVALID', detail: { field, column } })
    },
  )

  it.each([
    ['stages.0', { stages: [{ devices: 1, percent: 2 }] }, /^whole devices or percent, one of them/],
    ['stages.0', { stages: [{ devices: 1.5 }] }, /^whole devices or percent, one of them/],
    ['stages.0.percent', { stages: [{ percent: 101 }] }, /100$/],
  ])('a stage that makes no sense is refused with what one is made of: %s', async (field, body, why) => {
    expect(await refused(body)).toMatchObject({
      code: 'REQUEST_INVALID',
      detail: { field, why: expect.stringMatching(why) },
    })
  })

  it('a rollout that finds nobody is not started', async () => {
    const { id } = await scene.fleet.rollout(scene.release, [], about(`tag ${newTag()}`))
    const answer = await scene.fleet.raw('POST', `/rollouts/${id}/start`)
    expect(problemIn(answer)).toMatchObject({ code: 'PLAN_IMPOSSIBLE', detail: { why: 'no-members', devices: 0 } })
  })
})

describe('what a report says', () => {
  const groupsOf = async (device: FleetDevice): Promise<unknown> =>
    (await scene.fleet.call<{ groups: string[] }>('GET', `/devices/${device.id}`)).groups
  const count = async (filter: string): Promise<number> =>
    (await scene.fleet.call<{ devices: number }>('GET', `/device-count?filter=${encodeURIComponent(filter)}`)).devices

  it('is what filters find, and groups follow it at once', async () => {
    const [device] = first(await scene.set(1))
    const release = scene.release
    const version = `1.${release.sequence}.0`
    await scene.fleet.call('PUT', '/groups/newest', { filter: `version = ${version}` })
    await scene.fleet.call('PUT', '/groups/failed', { filter: `state = "failed" and sequence = ${release.sequence}` })
    expect(await groupsOf(device)).toEqual([])
    device.running = { manifestSha256: release.manifestSha256, sequence: release.sequence }
    await device.report({ state: 'confirmed' })
    expect(await count(`id in ("${device.id}") and version = ${version}`)).toBe(1)
    expect(await groupsOf(device)).toEqual(['newest'])
    await device.report({ state: 'failed', reason: 1 })
    expect(await groupsOf(device)).toEqual(['newest', 'failed'])
    device.running = { manifestSha256: new Uint8Array(32), sequence: 0 }
    await device.report({ state: 'reverted', reason: 1 })
    expect(await groupsOf(device)).toEqual([])
    expect(await count(`id in ("${device.id}") and version < 9.0.0`)).toBe(0)
  })
})
