import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Fleet } from '../../device-sim/fleet.js'
import { CrashScene } from './crash-scene.js'
import type { DeathPoint, ServerInstance } from './server-instance.js'

/** kill -9 of the only server, before and after each commit that moves a rollout. */
describe('a rollout whose server dies at every step', () => {
  let scene: CrashScene
  let server: ServerInstance
  let sim: Fleet
  beforeAll(async () => {
    scene = await CrashScene.set(1)
    const [only] = scene.servers
    if (only === undefined) throw new Error('no server')
    server = only
    await server.launch()
    sim = await scene.enrol(server, 5)
  }, 240_000)
  afterAll(() => scene.stop(), 60_000)

  /** The server dies of what is done, or of what it does by itself. */
  async function dieAt(point: DeathPoint, act: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    await server.kill()
    await server.launch(point)
    await act()
    await server.died()
  }
  const both = async (
    statement: string,
    act: () => Promise<void>,
    afterwards: (isDone: boolean) => Promise<void>,
  ): Promise<void> => {
    for (const when of ['before', 'after'] as const) {
      await dieAt({ statement, when }, act)
      await afterwards(when === 'after')
    }
  }

  it('loses nothing, doubles nothing, skips no gate', async () => {
    const { ledger } = scene
    const release = await scene.release(10)
    const count = async (table: string): Promise<number> =>
      (await ledger.rows<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table}`))[0]?.rows ?? 0

    let id = ''
    await both(
      'rollout.created',
      () => scene.callInVain(server, '/rollouts', scene.rolloutBody(release)),
      async (isDone) => {
        expect([await count('rollout'), await count('rollout_stage')]).toEqual(isDone ? [1, 2] : [0, 0])
        id = (await ledger.rows<{ id: string }>('SELECT id FROM rollout'))[0]?.id ?? ''
      },
    )
    const approval = await scene.approval(id)
    await both(
      'rollout.approved',
      () => scene.callInVain(server, `/rollouts/${id}/approvals`, approval),
      async (isDone) => {
        expect(await ledger.steps(id)).toEqual(isDone ? ['created', 'approved'] : ['created'])
      },
    )
    await both(
      'rollout.started',
      () => scene.callInVain(server, `/rollouts/${id}/start`),
      async (isDone) => {
        const states = await ledger.rows('SELECT state FROM rollout')
        expect(states).toEqual([{ state: isDone ? 'running' : 'planned' }])
      },
    )
    // From here on it dies of what the engine and the devices do.
    const points: readonly DeathPoint[] = [
      { statement: 'rollout.stage-opened', when: 'after' },
      { statement: 'INSERT INTO deployment', when: 'before' },
      { statement: 'INSERT INTO deployment', when: 'after' },
      // The signer has signed by then: the assignments of the first one are lost with it.
      { statement: `SET state = 'offered'`, when: 'before' },
      { statement: `SET state = 'offered'`, when: 'after' },
      // What devices report: lost before it was stored, stored before it was answered, and in the middle of an update.
      { statement: 'SET state = n.state', when: 'before' },
      { statement: 'SET state = n.state', when: 'after' },
      { statement: 'SET state = n.state', when: 'after', nth: 2 },
      { statement: 'rollout.stage-passed', when: 'before' },
      { statement: 'rollout.stage-passed', when: 'after' },
      { statement: 'rollout.finished', when: 'before' },
      { statement: 'rollout.finished', when: 'after' },
    ]
    for (const point of points) {
      await dieAt(point)
      await ledger.check(id)
    }
    await server.launch()
    await scene.until(id, 'finished')
    await ledger.check(id)
    expect(await ledger.steps(id)).toEqual([
      ...['created', 'approved', 'started', 'stage-opened 0', 'stage-passed 0', 'stage-opened 1', 'stage-passed 1'],
      'finished',
    ])
    expect(await ledger.states(id)).toEqual({ confirmed: 5 })
    expect(sim.sequences()).toEqual(new Map([[10, 5]]))
    expect([...scene.door.assigned.keys()].toSorted()).toEqual(scene.devices.toSorted())
  }, 480_000)

  it('rolls back once, and to the end', async () => {
    const { ledger } = scene
    const [release, fallback] = [await scene.release(20), await scene.release(21)]
    await sim.setFault(0, 'unhealthy-boot', true)
    await server.kill()
    await server.launch()
    const id = await scene.start(
      server,
      scene.rolloutBody(release, {
        stages: [{ percent: 100 }],
        fallbackReleaseId: fallback.id,
        onFailure: 'roll-back',
        gate: { confirmedPercent: 50 },
      }),
    )
    for (const when of ['before', 'after'] as const) {
      await dieAt({ statement: 'rollout.rolled-back', when })
      await ledger.check(id)
      if (when === 'before') expect(await ledger.steps(id)).not.toContain('rolled-back')
    }
    await sim.setFault(0, 'unhealthy-boot', false)
    const children = await ledger.rows<{ id: string }>('SELECT id FROM rollout WHERE parent_id = $1', [id])
    expect(children).toHaveLength(1)
    const [child] = children
    await server.launch()
    await scene.until(child?.id ?? '', 'finished')
    for (const each of [id, child?.id ?? '']) await ledger.check(each)
    expect((await ledger.steps(id)).filter((step) => step === 'rolled-back')).toHaveLength(1)
    // The one that fell back by itself runs the image of before anyway; nobody is left with the release.
    const { confirmed = 0, ...others } = await ledger.states(child?.id ?? '')
    expect(confirmed).toBeGreaterThan(0)
    expect(others).toEqual({})
    expect([sim.sequences().get(21), sim.sequences().get(20)]).toEqual([confirmed, undefined])
  }, 240_000)

  it('goes on in the middle of a stage of several batches', async () => {
    const { ledger } = scene
    // These never answer; the ones that do stay out of it.
    const added = await ledger.rows(
      `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at)
       SELECT d.namespace, encode(h, 'hex'), d.class_id, h, h, 1, 1
       FROM (SELECT namespace, class_id FROM device LIMIT 1) d, generate_series(1, 4500) n, sha256(n::text::bytea) h RETURNING 1`,
    )
    expect(added).toHaveLength(4_500)
    await Promise.all(scene.sims.map((sim) => sim.stop()))
    const release = await scene.release(30)
    await server.kill()
    await server.launch()
    const body = { stages: [{ devices: 4_200 }, { percent: 100 }], rates: { inFlight: 1 } }
    const id = await scene.plan(server, scene.rolloutBody(release, body))
    const filled = (): Promise<unknown[]> =>
      ledger.rows('SELECT stage, count(*)::int AS devices FROM deployment WHERE rollout_id = $1 GROUP BY stage', [id])
    // The first batch of 2,000 is there, the second one is not; then the second and the third are.
    await dieAt({ statement: 'INSERT INTO deployment', when: 'before', nth: 2 }, async () => {
      await scene.call(server, 'POST', `/rollouts/${id}/start`, {})
    })
    await ledger.check(id)
    expect(await filled()).toEqual([{ stage: 0, devices: 2_000 }])
    await dieAt({ statement: 'INSERT INTO deployment', when: 'after', nth: 2 })
    await ledger.check(id)
    expect(await filled()).toEqual([{ stage: 0, devices: 4_200 }])
    await server.launch()
    await scene.call(server, 'POST', `/rollouts/${id}/cancel`, {})
    await ledger.check(id)
    expect((await ledger.steps(id)).at(-1)).toBe('cancelled')
  }, 240_000)
})
