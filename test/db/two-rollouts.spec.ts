import { describe, expect, it } from '@jest/globals'
import { totalOf } from '../../src/domain/rollout/counts.js'
import { Silence } from '../../src/server/rollout/silence.service.js'
import { StageFiller } from '../../src/server/rollout/stage-filler.service.js'
import { firstTwo } from '../support/fleet-device.js'
import { eventually } from '../support/fleet-fixture.js'
import { StandingClock } from '../support/hand-server-clock.js'
import { RolloutScene } from '../support/rollout-scene.js'

const HOUR = 3_600
const clock = new StandingClock(Date.parse('2027-03-27T12:00:00Z') / 1_000)
const scene = new RolloutScene({ world: { clock } })
const all = { stages: [{ percent: 100 }] }

const totals = async (id: string) => (await scene.fleet.show(id)).totals
/** How many devices have been offered something by now. */
async function offers(id: string): Promise<number> {
  await scene.settle()
  const counts = await totals(id)
  return totalOf(counts) - counts.queued
}

describe('a device that two rollouts want', () => {
  it('goes to the one of higher priority, even with an older release', async () => {
    const devices = await scene.set(1)
    const older = scene.release
    const low = await scene.start(devices, all)
    expect(await offers(low)).toBe(1)
    await scene.newRelease()
    const high = await scene.start(devices, { ...all, priority: 5 })
    expect(await offers(high)).toBe(1)
    expect(await totals(low)).toMatchObject({ superseded: 1, offered: 0 })
    // An urgent one with a lower sequence does not get past the one that is equal in priority.
    const { id } = await scene.fleet.rollout(older, devices, { ...all, priority: 5 })
    await scene.fleet.call('POST', `/rollouts/${id}/start`)
    expect(await offers(id)).toBe(0)
    const [row] = await scene.fleet.sql<{ active: number }>(
      `SELECT count(*) AS active FROM deployment WHERE device_id = $1 AND state NOT IN ('superseded', 'cancelled')`,
      [devices[0]?.id],
    )
    expect(row?.active).toBe(1)
  }, 120_000)
})

describe('a device that has begun with another rollout', () => {
  it('is waited for, however urgent, and has its turn before the rollout that wants it is finished', async () => {
    const [busy, free] = firstTwo(await scene.set(2))
    const other = await scene.start([busy], all)
    await scene.settle()
    await busy.report({ state: 'downloading', rolloutId: other })
    const before = scene.release
    const wanted = await scene.newRelease()
    const id = await scene.start([busy, free], { ...all, priority: 9 })
    expect((await scene.offered(id, 1)).map((device) => device.id)).toEqual([free.id])
    await scene.fleet.confirm(free, wanted, id)
    await scene.settle()
    expect(await scene.fleet.show(id)).toMatchObject({ state: 'running', waitingFor: 'HELD_ELSEWHERE' })
    await scene.fleet.confirm(busy, before, other)
    await scene.offered(id, 1)
    await scene.fleet.confirm(busy, wanted, id)
    await eventually(async () => ((await scene.fleet.show(id)).state === 'finished' ? true : null))
    expect((await scene.fleet.show(id)).totals).toMatchObject({ confirmed: 2 })
    // Nor is anything remembered of it that only a rollout that runs is in need of.
    await scene.settle()
    const { app } = scene.fleet
    expect([...app.get(StageFiller)['heldUntilMs'].keys(), ...app.get(Silence)['lookedAt'].keys()]).not.toContain(id)
  }, 120_000)

  it('is waited for no longer than the plan lasts', async () => {
    const [busy, free] = firstTwo(await scene.set(2))
    const other = await scene.start([busy], all)
    await scene.settle()
    await busy.report({ state: 'downloading', rolloutId: other })
    const wanted = await scene.newRelease()
    const id = await scene.start([busy, free], { ...all, expires: clock.nowSeconds() + HOUR })
    await scene.offered(id, 1)
    await scene.fleet.confirm(free, wanted, id)
    await scene.settle()
    expect((await scene.fleet.show(id)).state).toBe('running')
    clock.pass(HOUR + 1)
    await scene.settle()
    expect(await scene.fleet.show(id)).toMatchObject({ state: 'finished', totals: { confirmed: 1 } })
  }, 120_000)
})
