import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { connectAsync } from 'mqtt'
import { CrashScene } from './crash-scene.js'

/** Three servers at one database and one broker, each with devices of its own. */
let scene: CrashScene
beforeAll(async () => {
  scene = await CrashScene.set(3)
  for (const server of scene.servers) await server.launch()
  for (const server of scene.servers) await scene.enrol(server, 3)
}, 300_000)
afterAll(() => scene.stop(), 60_000)

/** Every report that comes over the broker, by device, for a thief or a slow network to bring once more. */
async function recordReports(): Promise<{
  readonly reports: (readonly [string, Buffer])[]
  readonly end: () => Promise<void>
}> {
  const { broker } = scene.fixture
  const client = await connectAsync(broker.serverUrl, {
    username: broker.serverUsername,
    password: await broker.serverPassword(),
    protocolVersion: 5,
    reconnectPeriod: 0,
  })
  const reports: (readonly [string, Buffer])[] = []
  client.on('message', (topic, payload) => reports.push([topic.split('/')[5] ?? '', payload]))
  await client.subscribeAsync('cs/v1/+/+/d/+/report', { qos: 1 })
  return { reports, end: () => client.endAsync(true) }
}

/** Sends it as the device would over HTTP. @returns the status. */
async function send(deviceId: string, report: Buffer): Promise<number> {
  const device = scene.sims.flatMap((sim) => sim.devices).find(({ id }) => id === deviceId)
  const credential = device?.memory.record.enrolment?.credential ?? ''
  const url = `${scene.servers[0]?.url ?? ''}/device/v1/${scene.fixture.namespace}/${deviceId}/report`
  const headers = { authorization: `Device ${credential}`, 'content-type': 'application/cbor' }
  return (await fetch(url, { method: 'POST', headers, body: new Uint8Array(report) })).status
}

it('carry a rollout to its end, whichever of them, the database or the broker goes away', async () => {
  const { ledger, servers, sims } = scene
  const [first, second, third] = servers
  const flapping = sims[2]
  if (first === undefined || second === undefined || third === undefined || flapping === undefined) throw new Error()
  const heard = await recordReports()
  const release = await scene.release(10)
  const id = await scene.start(
    first,
    scene.rolloutBody(release, { stages: [{ devices: 3 }, { devices: 6 }, { percent: 100 }] }),
  )
  const passed = (stages: number): Promise<void> =>
    scene.reach(id, `${stages} stages passed`, async () => {
      await ledger.check(id)
      return (await ledger.steps(id)).filter((step) => step.startsWith('stage-passed')).length >= stages
    })

  // One after the other dies, so that the elected one is among them; a device comes and goes meanwhile.
  await flapping.setFault(0, 'offline', true)
  for (const server of [first, second]) {
    await server.kill()
    await ledger.check(id)
    await server.launch()
  }
  await flapping.setFault(0, 'offline', false)
  await passed(1)
  await heard.end()
  await scene.fixture.databases.restart()
  await flapping.setFault(0, 'offline', true)
  await passed(1)
  await flapping.setFault(0, 'offline', false)
  await scene.restartBroker()
  // Devices of the third one wait for it.
  await third.kill()
  await ledger.check(id)
  await third.launch()
  await passed(2)
  await scene.until(id, 'finished')

  await ledger.check(id)
  expect(await ledger.states(id)).toEqual({ confirmed: 9 })
  const steps = await ledger.steps(id)
  expect(steps).toEqual([
    ...['created', 'approved', 'started', 'stage-opened 0', 'stage-passed 0', 'stage-opened 1', 'stage-passed 1'],
    ...['stage-opened 2', 'stage-passed 2', 'finished'],
  ])
  for (const sim of sims) expect(sim.sequences()).toEqual(new Map([[10, 3]]))
  expect([...scene.door.assigned.keys()].toSorted()).toEqual(scene.devices.toSorted())

  // What was heard comes late, in reverse, and twice: nothing of it counts again.
  expect(heard.reports.length).toBeGreaterThan(0)
  const tallies = (): Promise<unknown[]> => ledger.rows('SELECT id, report_counter FROM device ORDER BY id')
  await Promise.all(sims.map((sim) => sim.stop()))
  const before = await tallies()
  for (const [deviceId, report] of [...heard.reports, ...heard.reports].toReversed())
    expect([deviceId, await send(deviceId, report)]).toEqual([deviceId, expect.any(Number)])
  expect(await tallies()).toEqual(before)
  expect(await ledger.steps(id)).toEqual(steps)
  expect(await ledger.states(id)).toEqual({ confirmed: 9 })
  const [old] = await ledger.rows<{ reports: number }>('SELECT sum(old_reports)::int AS reports FROM device')
  expect(old?.reports).toBeGreaterThan(0)
}, 480_000)

it('would have been told by the ledger of a lost count, a skipped gate and a device too many', async () => {
  const { ledger } = scene
  const [row] = await ledger.rows<{ id: string }>(`SELECT id FROM rollout WHERE state = 'finished'`)
  const id = row?.id ?? ''
  await ledger.check(id)
  for (const [spoil, mend] of [
    ['UPDATE rollout_tally SET devices = devices + 1', 'UPDATE rollout_tally SET devices = devices - 1'],
    [
      `UPDATE rollout_stage SET passed_at = passed_at + 86400 WHERE index = 0`,
      `UPDATE rollout_stage SET passed_at = passed_at - 86400 WHERE index = 0`,
    ],
    [
      `UPDATE rollout_stage SET wanted = wanted - 1 WHERE index = 0`,
      `UPDATE rollout_stage SET wanted = wanted + 1 WHERE index = 0`,
    ],
  ] as const) {
    await ledger.rows(spoil)
    await expect(ledger.check(id)).rejects.toThrow('toEqual')
    await ledger.rows(mend)
    await ledger.check(id)
  }
})
