import { describe, expect, it } from '@jest/globals'
import { DecisionLog } from '../../src/server/http/decision-log.service.js'
import { RolloutRetention } from '../../src/server/rollout/rollout-retention.service.js'
import { RolloutClearing, type ClearedRollout } from '../../src/server/rollout/rollout-clearing.service.js'
import type { ServerConfig } from '../../src/server/server-config.js'
import { first, problemIn } from '../support/fleet-device.js'
import { RolloutScene } from '../support/rollout-scene.js'

const scene = new RolloutScene({ config: { rolloutKeepDays: 60 } })
const lenient = { stages: [{ percent: 100 }], gate: { confirmedPercent: 1 }, failureLimit: { percent: 100 } }

interface Answer {
  readonly items: readonly ClearedRollout[]
  readonly isDone: boolean
}
const clear = (endedDays: number, isDryRun = false): Promise<Answer> =>
  scene.fleet.call('POST', '/rollouts/clear', { endedDays, isDryRun }, 'security-officer')
const idsIn = ({ items }: Answer): readonly string[] => items.map(({ id }) => id)
const left = async (id: string): Promise<number> =>
  (await scene.fleet.sql<{ n: number }>('SELECT count(*) AS n FROM deployment WHERE rollout_id = $1', [id]))[0]?.n ?? 0

/** As if so many days had passed since it ended; its plan lasted some days longer. */
const age = (id: string, days: number, planDays: number) =>
  scene.fleet.sql(
    'UPDATE rollout SET ended_at = ended_at - $2 * 86400, expires = ended_at - $3 * 86400 WHERE id = $1',
    [id, days, planDays],
  )

/** Two devices confirmed, one that failed; finished. */
async function finished(change: object = {}) {
  const devices = await scene.set(3)
  const id = await scene.start(devices, { ...lenient, ...change })
  await scene.offered(id, 3)
  const [failing, ...others] = first(devices)
  await failing.report({ state: 'failed', reason: 1, rolloutId: id })
  for (const device of others) await scene.fleet.confirm(device, scene.release, id)
  await scene.fleet.until(id, ({ state }) => state === 'finished')
  return { id, failing, others }
}

describe('rollouts that ended long ago', () => {
  it('keep counts, reasons and what people signed when what became of each device is cleared away', async () => {
    const { id, failing } = await finished()
    const before = await scene.fleet.show(id)
    expect(before).toMatchObject({ totals: { confirmed: 2, failed: 1 }, clearedAt: null })
    await age(id, 100, 90)
    const preview = await clear(90, true)
    expect(preview.items.find((each) => each.id === id)).toMatchObject({ devices: 3 })
    expect(await left(id)).toBe(3)
    // Two that clear at the same time count nothing twice.
    const answers = await Promise.all([clear(90), clear(90)])
    expect(answers.flatMap((each) => each.items).reduce((sum, { devices }) => sum + devices, 0)).toBe(3)
    expect(await left(id)).toBe(0)
    const { clearedAt, ...after } = await scene.fleet.show(id)
    expect(clearedAt).not.toBeNull()
    const { clearedAt: _, endedAt: __, expires: ___, ...kept } = before
    expect(after).toMatchObject(kept)
    // What the triggers count is what is there, and what went is kept beside it.
    const [tally] = await scene.fleet.sql<{ n: number }>(
      'SELECT coalesce(sum(devices), 0)::bigint AS n FROM rollout_tally WHERE rollout_id = $1',
      [id],
    )
    expect(tally?.n).toBe(0)
    expect((await clear(90, true)).items).toEqual([])
    // Its devices still speak of it, and are no strangers to it; of one that never was they are.
    expect((await failing.report({ state: 'failed', rolloutId: id })).statusCode).toBe(200)
    const unknown = await failing.report({ state: 'failed', rolloutId: '00000000-0000-4000-8000-000000000000' })
    expect(problemIn(unknown)).toMatchObject({ code: 'REPORT_ROLLOUT' })
  }, 120_000)

  it('stay while they may be rolled back, or are young, or go on', async () => {
    const { id } = await finished()
    await age(id, 100, -1)
    expect(idsIn(await clear(90, true))).not.toContain(id)
    await age(id, 0, 0)
    expect(idsIn(await clear(90, true))).toContain(id)
    expect(idsIn(await clear(101, true))).not.toContain(id)
    const running = await scene.start(await scene.set(1), lenient)
    await scene.offered(running, 1)
    expect(idsIn(await clear(90))).toEqual([id])
    expect([await left(id), await left(running)]).toEqual([0, 1])
  }, 120_000)

  it('stay while the fallback that takes them back is under way, which looks for their devices', async () => {
    const { fleet } = scene
    const devices = await scene.set(1)
    const [device] = first(devices)
    const fallback = await fleet.release(scene.sequence + 1_000)
    const id = await scene.start(devices, { ...lenient, fallbackReleaseId: fallback.id })
    await scene.offered(id, 1)
    await device.report({ state: 'installing', rolloutId: id })
    await fleet.call('POST', `/rollouts/${id}/roll-back`)
    const child = (await fleet.show(id)).fallbackId ?? ''
    await age(id, 100, 90)
    expect(idsIn(await clear(90))).toEqual([])
    await scene.offered(child, 1)
    await fleet.confirm(device, fallback, id)
    await fleet.until(child, ({ state }) => state === 'finished')
    expect(idsIn(await clear(90))).toEqual([id])
  }, 120_000)

  it('keep the deployments on which the history of a DDI client hangs', async () => {
    const { id, failing } = await finished()
    await scene.fleet.sql(
      `INSERT INTO ddi_action (namespace, device_id, rollout_id, created_at, closed_at, outcome) VALUES ($1, $2, $3, 1, 2, 'failed')`,
      [scene.fleet.namespace, failing.id, id],
    )
    await age(id, 100, 90)
    expect((await clear(90)).items).toMatchObject([{ id, devices: 2 }])
    expect([await left(id), idsIn(await clear(90, true))]).toEqual([1, []])
    expect(await scene.fleet.show(id)).toMatchObject({ totals: { confirmed: 2, failed: 1 } })
  }, 120_000)

  it('go by themselves after ROLLOUT_KEEP_DAYS, and not without it', async () => {
    const { id } = await finished()
    await age(id, 59, 59)
    const { app } = scene.fleet
    await app.get(RolloutRetention).round()
    expect(await left(id)).toBe(3)
    await age(id, 2, 2)
    const withoutIt = { namespaces: [{ namespace: scene.fleet.namespace }] } as unknown as ServerConfig
    await new RolloutRetention(withoutIt, app.get(RolloutClearing), app.get(DecisionLog)).round()
    expect(await left(id)).toBe(3)
    await app.get(RolloutRetention).round()
    expect(await left(id)).toBe(0)
    const [entry] = await scene.fleet.sql(
      `SELECT actor, detail FROM audit_entry WHERE event = 'rollout.cleared' ORDER BY number DESC LIMIT 1`,
    )
    expect(entry).toEqual({ actor: 'rollout-engine', detail: { rollout: id, devices: 3 } })
  }, 120_000)

  it('are not cleared away by those who ran them', async () => {
    const answer = await scene.fleet.raw('POST', '/rollouts/clear', { endedDays: 1, isDryRun: true })
    expect(problemIn(answer)).toMatchObject({ status: 403, code: 'FORBIDDEN' })
  })
})
