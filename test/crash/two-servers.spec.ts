import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { CrashScene } from './crash-scene.js'
import type { DeathPoint } from './server-instance.js'

/** Two servers at one database and one broker; whichever comes to a step first dies of it, and the other one goes on. */
let scene: CrashScene
const DEVICES = 14
beforeAll(async () => {
  scene = await CrashScene.set(2)
  for (const server of scene.servers) await server.launch()
  for (const server of scene.servers) await scene.enrol(server, DEVICES / 2)
}, 300_000)
afterAll(() => scene.stop(), 60_000)

it('carry a rollout to its end, whichever of them dies at whichever step', async () => {
  const { ledger, servers } = scene
  const [first] = servers
  if (first === undefined) throw new Error('no server')
  const release = await scene.release(10)
  // A stage for each device: each step comes again and again, so none is missed by the server that goes on.
  const stages = [...Array.from({ length: DEVICES - 1 }, (_, index) => ({ devices: index + 1 })), { percent: 100 }]
  const id = await scene.plan(first, scene.rolloutBody(release, { stages }))
  const points: readonly DeathPoint[] = [
    { statement: 'rollout.stage-opened', when: 'before' },
    { statement: 'INSERT INTO deployment', when: 'after' },
    { statement: `SET state = 'offered'`, when: 'before' },
    { statement: `SET state = 'offered'`, when: 'after' },
    { statement: 'SET state = n.state', when: 'after' },
    { statement: 'rollout.stage-passed', when: 'after' },
  ]
  await scene.call(first, 'POST', `/rollouts/${id}/start`, {})
  for (const point of points) {
    for (const server of servers) await server.kill()
    await Promise.all(servers.map((server) => server.launch(point)))
    await Promise.race(servers.map((server) => server.died()))
    await ledger.check(id)
  }
  // The last of them goes on alone.
  for (const server of servers) await server.kill()
  await Promise.all(servers.map((server) => server.launch()))
  await first.kill()
  await ledger.check(id)
  await first.launch()
  await scene.until(id, 'finished')
  await ledger.check(id)
  const opened = stages.flatMap((_, index) => [`stage-opened ${index}`, `stage-passed ${index}`])
  expect(await ledger.steps(id)).toEqual(['created', 'approved', 'started', ...opened, 'finished'])
  expect(await ledger.states(id)).toEqual({ confirmed: DEVICES })
  expect([...scene.door.assigned.keys()].toSorted()).toEqual(scene.devices.toSorted())
}, 480_000)
