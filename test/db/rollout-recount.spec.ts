import { describe, expect, it } from '@jest/globals'
import type { Report } from '../../src/domain/trust/report.js'
import type { FleetDevice } from '../support/fleet-device.js'
import { StandingClock } from '../support/hand-server-clock.js'
import { RolloutScene } from '../support/rollout-scene.js'

const clock = new StandingClock(Date.parse('2027-03-27T12:00:00Z') / 1_000)
const scene = new RolloutScene({ world: { clock } })

/** Numbers in [0, 1), the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
}

const words: readonly Report['state'][] = ['downloading', 'downloaded', 'installing', 'failed', 'reverted', 'refused']

/** What a view counts, and what the deployments are. */
async function counted(id: string): Promise<readonly [object, object]> {
  const { stages } = await scene.fleet.show(id)
  const kept = stages.flatMap(({ counts }, stage) =>
    Object.entries(counts).flatMap(([state, devices]) => (devices === 0 ? [] : [`${stage} ${state} ${devices}`])),
  )
  const rows = await scene.fleet.sql<{ stage: number; state: string; devices: number }>(
    'SELECT stage, state, count(*) AS devices FROM deployment WHERE rollout_id = $1 GROUP BY stage, state',
    [id],
  )
  return [kept.toSorted(), rows.map(({ stage, state, devices }) => `${stage} ${state} ${devices}`).toSorted()]
}

describe('counts of rollouts', () => {
  it.each([1, 2, 3])(
    'are those of a recount, and no device is held twice, whatever happens: walk %d',
    async (seed) => {
      const next = numbers(seed)
      const pick = <T>(items: readonly T[]): T => {
        const item = items[Math.floor(next() * items.length)]
        if (item === undefined) throw new Error('nothing to pick')
        return item
      }
      const devices = await scene.set(10)
      const change = {
        ...{ stages: [{ devices: 3 }, { percent: 60 }, { percent: 100 }], gate: { confirmedPercent: 1 } },
        ...{ failureLimit: { percent: 100 }, retries: 1, retryAfterSeconds: 30, silenceSeconds: 120 },
      }
      const releases = [scene.release, await scene.newRelease()]
      const ids: string[] = []
      for (const release of releases) {
        const { id } = await scene.fleet.rollout(release, devices, change)
        await scene.fleet.call('POST', `/rollouts/${id}/start`)
        ids.push(id)
      }
      const say = async (device: FleetDevice): Promise<void> => {
        const which = pick([0, 1])
        const [release, rolloutId] = [releases[which], ids[which] ?? '']
        if (release === undefined) throw new Error('no release')
        // A device may flap, lie, speak of what it was never given, or run something else than it says.
        if (next() < 0.3) await scene.fleet.confirm(device, release, rolloutId)
        else await device.report({ state: pick(words), rolloutId })
      }
      const acts: readonly (() => Promise<unknown>)[] = [
        ...Array.from({ length: 8 }, () => () => say(pick(devices))),
        () => Promise.all(devices.map(say)),
        () => Promise.resolve(clock.pass(Math.floor(next() * 100))),
        () => scene.fleet.raw('POST', `/rollouts/${pick(ids)}/${pick(['pause', 'resume'])}`),
      ]
      for (let turn = 0; turn < 60; turn += 1) {
        await pick(acts)()
        if (next() < 0.4) await scene.settle()
      }
      await scene.fleet.raw('POST', `/rollouts/${pick(ids)}/cancel`)
      await scene.settle()
      for (const id of ids) {
        const [kept, recounted] = await counted(id)
        expect(recounted).not.toEqual([])
        expect(kept).toEqual(recounted)
      }
      const held = await scene.fleet.sql(
        `SELECT device_id FROM deployment WHERE state IN ('queued', 'offered', 'downloading', 'downloaded', 'installing',
           'rebooting') GROUP BY namespace, device_id HAVING count(*) > 1`,
      )
      expect(held).toEqual([])
    },
    120_000,
  )
})
