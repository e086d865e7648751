import { describe, expect, it } from '@jest/globals'
import type { RolloutView } from '../../src/server/rollout/rollout-views.service.js'
import type { DdiClient } from '../support/ddi-client.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { eventually } from '../support/fleet-fixture.js'

const scene = new DdiScene({ policy: legacyPolicy() ?? {}, ddi: { confirmation: 'soft' } })

const image = (fill: number): Uint8Array => new Uint8Array(100).fill(fill)
const clock = (fromNowSeconds: number): string =>
  new Date((scene.fleet.now + fromNowSeconds) * 1_000).toISOString().slice(11, 16)
/** By clocks in UTC. */
const hours = (fromSeconds: number, toSeconds: number): string => `${clock(fromSeconds)}-${clock(toSeconds)}`
const schedule = (change: object) => ({ schedule: { timeZone: 'UTC', ...change } })

async function client(attributes: Readonly<Record<string, string>> = {}): Promise<DdiClient> {
  const made = await scene.client()
  await made.configData({ version: '1.0.0', boot_id: 'first', ...attributes })
  return made
}
async function offered(change: object, ...clients: readonly DdiClient[]): Promise<string> {
  return scene.rollout(await scene.release(image(3)), clients, change)
}
const reachedBy = (rollout: string, one: DdiClient, state: string) =>
  eventually(async () => ((await scene.stateOf(rollout, one)) === state ? true : null))

describe('the mode of a rollout', () => {
  it.each([
    ['forced', 'forced', 'forced'],
    ['download-only', 'forced', 'skip'],
  ])('%s', async (mode, download, update) => {
    const one = await client()
    await offered({ mode }, one)
    const { deployment } = await one.deployment()
    expect([deployment.download, deployment.update]).toEqual([download, update])
  })

  it('soft asks somebody first where the settings want that, and then attempts', async () => {
    const one = await client()
    await offered({ mode: 'soft' }, one)
    expect(await one.links()).toEqual(['confirmationBase'])
    const link = await one.link('confirmationBase')
    const { id } = (await one.get(link)).json<{ id: string }>()
    const consent = JSON.stringify({ confirmation: 'confirmed' })
    expect((await one.send('POST', `/confirmationBase/${id}/feedback`, consent)).status).toBe(200)
    const { deployment } = await one.deployment()
    expect([deployment.download, deployment.update]).toEqual(['attempt', 'attempt'])
  })

  it('only downloaded, it is stored, and counts as done', async () => {
    const one = await client()
    const rollout = await offered({ mode: 'download-only' }, one)
    const { id } = await one.deployment()
    expect((await one.feedback(id, 'downloaded')).status).toBe(200)
    expect(await scene.stateOf(rollout, one)).toBe('stored')
  })
})

describe('the windows of a rollout', () => {
  it('are those of the place of each device: at one it is time, at the other it is not', async () => {
    const [here, there] = [await client({ timeZone: 'Etc/UTC' }), await client({ timeZone: 'Etc/GMT+12' })]
    await offered(schedule({ install: [hours(-3_600, 7_200)] }), here, there)
    const told = async (one: DdiClient) => {
      const { deployment } = await one.deployment()
      return [deployment.download, deployment.update, deployment.maintenanceWindow]
    }
    expect(await told(here)).toEqual(['forced', 'forced', 'available'])
    expect(await told(there)).toEqual(['forced', 'skip', 'unavailable'])
  })

  it('that shut again let it download no more', async () => {
    const one = await client()
    const rollout = await offered(schedule({ download: [hours(-3_600, 7_200)] }), one)
    expect((await one.deployment()).deployment.download).toBe('forced')
    await scene.fleet.sql(
      `UPDATE rollout SET rules = jsonb_set(rules, '{schedule,download}', to_jsonb(ARRAY[$2::text])) WHERE id = $1`,
      [rollout, hours(7_200, 10_800)],
    )
    const { deployment } = await one.deployment()
    expect([deployment.download, deployment.update]).toEqual(['skip', 'skip'])
  })

  it('that will not come while the plan holds end the deployment; a client that was told of it is told so', async () => {
    const [told, untold] = [await client(), await client()]
    const rollout = await offered({ expires: scene.fleet.now + 7_200 }, told, untold)
    const { id } = await told.deployment()
    await scene.fleet.sql(
      `UPDATE rollout SET rules = jsonb_set(rules, '{schedule,install}', to_jsonb(ARRAY[$2::text])) WHERE id = $1`,
      [rollout, hours(10_800, 14_400)],
    )
    expect(await untold.links()).toEqual([])
    expect(await told.link('cancelAction')).toMatch(new RegExp(`/cancelAction/${id}$`))
    for (const one of [told, untold]) expect(await scene.stateOf(rollout, one)).toBe('cancelled')
    expect((await told.feedback(id, 'closed', 'success', {}, 'cancelAction')).status).toBe(200)
    expect(await told.links()).toEqual([])
  })
})

describe('a further attempt', () => {
  const retries = { retries: 1, retryAfterSeconds: 1, failureLimit: { count: 5 } }

  it('after a failure is an action of its own', async () => {
    const one = await client()
    const rollout = await offered(retries, one)
    const { id } = await one.deployment()
    await one.feedback(id, 'closed', 'failure')
    expect(await one.links()).toEqual([])
    await reachedBy(rollout, one, 'offered')
    const again = await one.deployment()
    expect(Number(again.id)).toBeGreaterThan(Number(id))
    expect((await one.feedback(id, 'closed', 'success')).status).toBe(410)
    await one.feedback(again.id, 'closed', 'failure')
    expect(await scene.stateOf(rollout, one)).toBe('failed')
  })

  it('after a long silence comes when the client has stopped with the one before, whose end is no failure of it', async () => {
    const one = await client()
    const rollout = await offered({ ...retries, silenceSeconds: 60 }, one)
    const { id } = await one.deployment()
    await scene.fleet.sql('UPDATE deployment SET alive_at = 1 WHERE rollout_id = $1', [rollout])
    await eventually(async () => {
      const [row] = await scene.fleet.sql<{ attempt: number; state: string }>(
        'SELECT attempt, state FROM deployment WHERE rollout_id = $1',
        [rollout],
      )
      return row?.attempt === 2 && row.state === 'offered' ? true : null
    })
    expect(await one.links()).toEqual(['cancelAction'])
    await one.feedback(id, 'closed', 'failure', {}, 'cancelAction')
    expect(await scene.stateOf(rollout, one)).toBe('offered')
    const again = await one.deployment()
    expect(again.id).not.toBe(id)
    await one.feedback(again.id, 'closed', 'success')
    expect(await scene.stateOf(rollout, one)).toBe('installed')
  })
})

it('a fallback is offered as an action of its own, followed by its words, and confirmed by what the client runs', async () => {
  const one = await client()
  const release = await scene.release(image(3))
  const back = await scene.release(image(4))
  const rollout = await scene.rollout(release, [one], { fallbackReleaseId: back.id, gate: { confirmedPercent: 100 } })
  const first = await one.deployment()
  await one.feedback(first.id, 'closed', 'success')
  await one.configData({ version: `1.${release.sequence}.0`, boot_id: 'second' })
  expect(await scene.stateOf(rollout, one)).toBe('confirmed')
  await scene.fleet.call('POST', `/rollouts/${rollout}/roll-back`)
  const child = await eventually(async () => {
    const { items } = await scene.fleet.call<{ items: RolloutView[] }>('GET', '/rollouts?limit=100')
    return items.find((each) => each.releaseId === back.id)?.id ?? null
  })
  await reachedBy(child, one, 'offered')
  const second = await one.deployment()
  expect(second.deployment.chunks[0]?.version).toBe(`1.${back.sequence}.0`)
  await one.feedback(second.id, 'download')
  expect(await scene.stateOf(child, one)).toBe('downloading')
  await one.feedback(second.id, 'closed', 'success')
  expect(await scene.stateOf(child, one)).toBe('installed')
  await one.configData({ version: `1.${back.sequence}.0`, boot_id: 'third' })
  expect(await scene.stateOf(child, one)).toBe('confirmed')
})
