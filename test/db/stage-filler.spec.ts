import { expect, it } from '@jest/globals'
import { readRollout } from '../../src/server/rollout/rollout-record.js'
import { RolloutViews } from '../../src/server/rollout/rollout-views.service.js'
import { StageFiller } from '../../src/server/rollout/stage-filler.service.js'
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
