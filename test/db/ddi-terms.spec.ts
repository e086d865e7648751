import { describe, expect, it } from '@jest/globals'
import { DeploymentTerms, type Terms } from '../../src/server/ddi/deployment-terms.port.js'
import type { DdiClient } from '../support/ddi-client.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { first } from '../support/fleet-device.js'
import { RecordedClient } from '../support/recorded-client.js'

const usual: Terms = {
  mode: 'forced',
  window: null,
  opensAt: null,
  mayDownload: true,
  isLapsed: false,
  needsConsent: false,
}
/** Terms that a test sets; rollouts that know modes and windows set them otherwise. */
class TermsOfTest extends DeploymentTerms {
  now = usual
  override find = (): Promise<Terms> => Promise.resolve(this.now)
}
const terms = new TermsOfTest()
const scene = new DdiScene({ policy: legacyPolicy() ?? {}, world: { deploymentTerms: terms } })

/** A client with a deployment that waits for it. */
async function offered(change: Partial<Terms> = {}): Promise<{ client: DdiClient; rollout: string }> {
  terms.now = { ...usual, ...change }
  const client = await scene.client()
  await client.configData({ version: '1.0.0', boot_id: 'first' })
  return { client, rollout: await scene.rollout(await scene.release(new Uint8Array(100).fill(2)), [client]) }
}

describe('how a deployment is to be carried out', () => {
  it.each([
    ['forced', {}, 'forced', 'forced', undefined],
    ['soft', { mode: 'soft' }, 'attempt', 'attempt', undefined],
    ['only downloaded', { mode: 'download-only' }, 'forced', 'skip', undefined],
    ['outside its window', { window: 'closed' }, 'forced', 'skip', 'unavailable'],
    ['soft, outside its window', { mode: 'soft', window: 'closed' }, 'attempt', 'skip', 'unavailable'],
    ['inside its window', { window: 'open' }, 'forced', 'forced', 'available'],
  ] as const)('%s', async (_, change, download, update, maintenanceWindow) => {
    const { client } = await offered(change)
    const { deployment } = await client.deployment()
    expect([deployment.download, deployment.update, deployment.maintenanceWindow]).toEqual([
      download,
      update,
      maintenanceWindow,
    ])
  })

  it('has another link when soft becomes forced, and when a window opens', async () => {
    const { client } = await offered({ mode: 'soft', window: 'closed' })
    const links = new Set<string>()
    for (const change of [
      { mode: 'soft', window: 'closed' },
      { mode: 'forced', window: 'closed' },
      { window: 'open' },
    ] as const) {
      terms.now = { ...usual, ...change }
      const link = await client.link('deploymentBase')
      expect(link).toMatch(/\/deploymentBase\/\d+\?c=\d+$/)
      links.add(link)
    }
    expect(links.size).toBe(3)
  })

  it('"skip" that is answered with success is no installation: the deployment waits for its window', async () => {
    const { client, rollout } = await offered({ window: 'closed' })
    const { id } = await client.deployment()
    expect((await client.feedback(id, 'closed', 'success', { details: ['Skipped Update.'] })).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('offered')
    terms.now = { ...usual, window: 'open' }
    const opened = await client.deployment()
    expect([opened.id, opened.deployment.update]).toEqual([id, 'forced'])
    await client.feedback(id, 'closed', 'success')
    expect(await scene.stateOf(rollout, client)).toBe('installed')
  })

  it('only downloaded, it ends with "downloaded", and not with the success of a client that skipped', async () => {
    const { client, rollout } = await offered({ mode: 'download-only' })
    const { id } = await client.deployment()
    await client.feedback(id, 'closed', 'success', { details: ['Skipped Update.'] })
    expect(await client.links()).toEqual(['deploymentBase'])
    expect((await client.feedback(id, 'downloaded')).status).toBe(200)
    expect(await client.links()).not.toContain('deploymentBase')
    expect(await scene.stateOf(rollout, client)).not.toBe('installed')
    expect((await client.feedback(id, 'closed', 'success')).status).toBe(410)
  })
})

interface Stored {
  readonly entries: number
  readonly repeats: number
  readonly words: readonly string[]
}
/** As people see it. */
async function storedOf({ id }: DdiClient): Promise<Stored> {
  interface Action {
    readonly repeats: number
    readonly entries: readonly { readonly messages: readonly string[] }[]
  }
  const { items } = await scene.fleet.call<{ items: Action[] }>('GET', `/ddi/targets/${id}/actions`)
  const [{ entries, repeats }] = first(items)
  return { entries: entries.length, repeats, words: entries.flatMap(({ messages }) => messages) }
}

describe('the history of an action', () => {
  it('is shown as far back as it is asked for, newest first', async () => {
    const { client } = await offered()
    const { id } = await client.deployment()
    expect((await client.deployment()).actionHistory).toBeUndefined()
    await client.feedback(id, 'proceeding', 'none', { details: ['one', 'two'] })
    expect((await client.deployment('actionHistory=2')).actionHistory).toEqual({
      status: 'RUNNING',
      messages: ['two', 'one'],
    })
    const whole = await client.deployment('actionHistory=-1')
    expect(whole.actionHistory?.messages).toEqual(['two', 'one', 'Was told: update forced.'])
    const link = await client.link('deploymentBase')
    for (const text of ['x', '-2', '1.5']) expect((await client.get(`${link}&actionHistory=${text}`)).status).toBe(400)
  })

  it('holds once what SWUpdate says at each poll outside its window, and counts it: it never fills it', async () => {
    const { client, rollout } = await offered({ window: 'closed' })
    const { id } = await client.deployment()
    const swupdate = new RecordedClient('swupdate.json')
    const skip = async (second: number): Promise<number> => {
      await client.deployment()
      return (await swupdate.send(client, 'skip', { action: id, second: String(second) })).status
    }
    for (let second = 10; second < 40; second += 1) expect(await skip(second)).toBe(200)
    const stored = { entries: 2, repeats: 29, words: ['Was told: update skip.', 'Skipped Update.'] }
    expect(await storedOf(client)).toEqual(stored)
    // With no room for anything else it still may say so.
    await scene.fleet.sql(
      `INSERT INTO ddi_entry SELECT action_id, 1000, at_ms, is_by_client, status, code, progress, messages FROM ddi_entry
       WHERE action_id = $1 AND number = 2`,
      [Number(id)],
    )
    await scene.fleet.sql('UPDATE ddi_action SET entries = 1000 WHERE id = $1', [Number(id)])
    expect(await skip(40)).toBe(200)
    expect((await client.feedback(id, 'proceeding')).status).toBe(429)
    expect((await storedOf(client)).repeats).toBe(30)
    expect(await scene.stateOf(rollout, client)).toBe('offered')
  })

  it('holds a word again that came between others, and another word beside it', async () => {
    const { client } = await offered()
    const { id } = await client.deployment()
    const say = (message: string, more: object = {}): Promise<unknown> =>
      client.feedback(id, 'proceeding', 'none', { details: [message], ...more })
    await say('a')
    await say('b')
    await say('a')
    await say('a', { code: 7 })
    await say('a', { code: 7 })
    const { entries, repeats, words } = await storedOf(client)
    expect([entries, repeats, words.slice(1)]).toEqual([5, 1, ['a', 'b', 'a', 'a']])
  })

  it('ends at a thousand entries with 429; how it ended is taken all the same', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await scene.fleet.sql('UPDATE ddi_action SET entries = 1000 WHERE id = $1', [Number(id)])
    const refused = await client.feedback(id, 'proceeding')
    expect({ status: refused.status, code: refused.json<{ errorCode: string }>().errorCode }).toEqual({
      status: 429,
      code: 'RATE_EXCEEDED',
    })
    expect((await client.feedback(id, 'closed', 'failure')).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('failed')
  })
})
