import { expect, it } from '@jest/globals'
import { readRollout } from '../../src/server/rollout/rollout-record.js'
import { RolloutViews } from '../../src/server/rollout/rollout-views.service.js'
import { StageFiller } from '../../src/server/rollout/stage-filler.service.js'
import type { OutsideEffect } from '../../src/server/rollout/rollout-steps.service.js'
import type { FleetDevice } from '../support/fleet-device.js'
import { RolloutScene } from '../support/rollout-scene.js'

// Its own engine rests: what two engines would do at once is done here, one after the other.
const scene = new RolloutScene({ config: { rolloutTickMs: 3_600_000 } })

it('takes no more devices into a stage than it wants, though two engines were told to fill it', async () => {
  const id = await scene.start(await scene.set(8), { stages: [{ devices: 3 }, { percent: 100 }] })
  await scene.fleet.sql(`UPDATE rollout_stage SET state = 'open', wanted = 3 WHERE rollout_id = $1 AND index = 0`, [id])
  const { app, namespace, server } = scene.fleet
  const row = await app.get(RolloutViews).requireRecord(namespace, id)
  const rollout = await readRollout(server.database.manager, row)
  const effect = { kind: 'fill-stage', stage: 0, devices: 3 } as const
  for (let engine = 0; engine < 2; engine += 1) await app.get(StageFiller).carryOut(row, rollout, effect)
  expect(await scene.fleet.sql('SELECT device_id FROM deployment WHERE rollout_id = $1', [id])).toHaveLength(3)
}, 60_000)

/** A rollout to all devices with a tag of its own, over two of which people signed; both are placed. */
async function overTwo(tag: string) {
  const { fleet } = scene
  const devices = await scene.set(3)
  const put = (device: FleetDevice) => fleet.call('PATCH', `/devices/${device.id}/facts`, { addTags: [tag] })
  const [one, two, three] = devices
  if (one === undefined || two === undefined || three === undefined) throw new Error('too few')
  for (const device of [one, two]) await put(device)
  const id = await scene.start([], { filter: { where: `tag ${tag}` }, stages: [{ percent: 100 }], devicesTotal: 2 })
  await fleet.sql(`UPDATE rollout_stage SET state = 'open', wanted = 2 WHERE rollout_id = $1`, [id])
  const row = await fleet.app.get(RolloutViews).requireRecord(fleet.namespace, id)
  const carryOut = async (effect: OutsideEffect) => {
    const rollout = await readRollout(fleet.server.database.manager, row)
    return fleet.app.get(StageFiller).carryOut(row, rollout, effect)
  }
  await carryOut({ kind: 'fill-stage', stage: 0, devices: 2 })
  await put(three)
  const placed = async (): Promise<Record<string, string>> => {
    const text = 'SELECT device_id, state FROM deployment WHERE rollout_id = $1'
    const rows = await fleet.sql<{ device_id: string; state: string }>(text, [id])
    return Object.fromEntries(rows.map((each) => [each.device_id, each.state]))
  }
  return { id, one, two, carryOut, placed }
}

it('gives the place of a device that another rollout holds to no other, and to itself when it is free', async () => {
  const { id, one, two, carryOut, placed } = await overTwo('late')
  const { fleet } = scene
  const other = await fleet.rollout(scene.release, [two], { stages: [{ percent: 100 }] })
  const set = (rolloutId: string, deviceId: string, state: string) =>
    fleet.sql('UPDATE deployment SET state = $3 WHERE rollout_id = $1 AND device_id = $2', [rolloutId, deviceId, state])
  await set(id, one.id, 'confirmed')
  await set(id, two.id, 'superseded')
  await fleet.sql(
    `INSERT INTO deployment (rollout_id, device_id, namespace, stage, state, place, alive_at, changed_at)
     VALUES ($1, $2, $3, 0, 'downloading', 1, 1, 1)`,
    [other.id, two.id, fleet.namespace],
  )
  await fleet.sql(`UPDATE rollout_stage SET state = 'passed', filled_at = 1 WHERE rollout_id = $1`, [id])
  expect(await carryOut({ kind: 'seek-latecomers' })).toEqual({ kind: 'latecomers-sought', found: 0 })
  expect(await placed()).toEqual({ [one.id]: 'confirmed', [two.id]: 'superseded' })
  await set(other.id, two.id, 'cancelled')
  expect(await carryOut({ kind: 'seek-latecomers' })).toEqual({ kind: 'latecomers-sought', found: 1 })
  expect(await placed()).toEqual({ [one.id]: 'confirmed', [two.id]: 'queued' })
}, 60_000)

it('measures no more devices than people signed for, though more have become members', async () => {
  const { carryOut } = await overTwo('more')
  expect(await carryOut({ kind: 'measure-stage', stage: 0 })).toMatchObject({ members: 2, placed: 0 })
}, 60_000)
