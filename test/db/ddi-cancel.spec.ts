import { describe, expect, it } from '@jest/globals'
import { DeploymentTerms, type Terms } from '../../src/server/ddi/deployment-terms.port.js'
import type { DdiClient } from '../support/ddi-client.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'

class TermsOfTest extends DeploymentTerms {
  needsConsent = false
  override find = (): Promise<Terms> =>
    Promise.resolve({
      mode: 'forced',
      window: null,
      opensAt: null,
      mayDownload: true,
      isLapsed: false,
      needsConsent: this.needsConsent,
    })
}
const terms = new TermsOfTest()
const scene = new DdiScene({ policy: legacyPolicy() ?? {}, world: { deploymentTerms: terms } })

async function offered(needsConsent = false): Promise<{ client: DdiClient; rollout: string }> {
  terms.needsConsent = needsConsent
  const client = await scene.client()
  await client.configData({ version: '1.0.0' })
  const release = await scene.release(new Uint8Array(100).fill(1))
  return { client, rollout: await scene.rollout(release, [client]) }
}
const cancel = (rollout: string): Promise<unknown> => scene.fleet.call('POST', `/rollouts/${rollout}/cancel`)
const confirm = (client: DdiClient, id: string, confirmation: string, more: object = {}) =>
  client.send('POST', `/confirmationBase/${id}/feedback`, JSON.stringify({ confirmation, ...more }))
const idIn = (link: string): string => /\/(\d+)(\?|$)/.exec(link)?.[1] ?? ''

describe('a cancelled deployment', () => {
  it('that the client was never told of is simply gone', async () => {
    const { client, rollout } = await offered()
    await cancel(rollout)
    expect(await client.links()).toEqual([])
  })

  it('that it was told of is taken back: cancelAction instead of deploymentBase, until it says "closed"', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await cancel(rollout)
    const link = await client.link('cancelAction')
    expect(link).toBe(`http://updates.example:8080${client.base}/cancelAction/${id}`)
    expect((await client.get(link)).json()).toEqual({ id, cancelAction: { stopId: id } })
    expect((await client.get(`/deploymentBase/${id}`)).status).toBe(404)
    expect((await client.get(`/softwaremodules/${id}/artifacts`)).status).toBe(404)
    expect((await client.feedback(id, 'proceeding', 'none', {}, 'cancelAction')).status).toBe(200)
    expect(await client.links()).toEqual(['cancelAction'])
    const closed = await client.feedback(id, 'closed', 'success', { details: ['stopped'] }, 'cancelAction')
    expect({ status: closed.status, body: closed.body }).toEqual({ status: 200, body: '' })
    expect(await client.links()).toEqual([])
    expect((await client.get(link)).status).toBe(404)
    expect((await client.get(`/installedBase/${id}`)).status).toBe(404)
    expect((await client.feedback(id, 'closed', 'success', {}, 'cancelAction')).status).toBe(410)
    expect(await scene.stateOf(rollout, client)).toBe('cancelled')
  })

  it('that the client will not stop is offered again, and ends as the client says', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await client.feedback(id, 'proceeding')
    await cancel(rollout)
    expect((await client.feedback(id, 'rejected', 'failure', {}, 'cancelAction')).status).toBe(200)
    expect(await client.links()).toEqual(['deploymentBase'])
    expect((await client.deployment('actionHistory=9')).actionHistory?.status).toBe('CANCEL_REJECTED')
    expect((await client.feedback(id, 'closed', 'success')).status).toBe(200)
    expect(await client.links()).toEqual(['configData', 'installedBase'])
    // For the rollout it stays cancelled; the device says what it runs.
    expect(await scene.stateOf(rollout, client)).toBe('cancelled')
  })

  it('that the client would not stop does not stand in the way for ever', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await cancel(rollout)
    await client.feedback(id, 'rejected', 'none', {}, 'cancelAction')
    await scene.fleet.sql('UPDATE ddi_action SET assigned_until = 1 WHERE rollout_id = $1', [rollout])
    expect(await client.links()).toEqual([])
    const [action] = await scene.fleet.sql<{ outcome: string }>('SELECT outcome FROM ddi_action WHERE id = $1', [
      Number(id),
    ])
    expect(action?.outcome).toBe('abandoned')
    await scene.rollout(await scene.release(new Uint8Array(100).fill(1)), [client])
    expect(await client.links()).toEqual(['deploymentBase'])
  })

  it('that is done before the client hears of it ends as done', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await cancel(rollout)
    expect((await client.feedback(id, 'closed', 'success')).status).toBe(200)
    expect(await client.links()).toEqual(['configData', 'installedBase'])
  })

  it('by "canceled" in a feedback of its own is not ended', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    expect((await client.feedback(id, 'canceled', 'none')).status).toBe(200)
    expect(await client.links()).toEqual(['deploymentBase'])
    expect(await scene.stateOf(rollout, client)).toBe('offered')
  })

  it('is none while nobody cancelled it: 404 to read, 405 to answer', async () => {
    const { client } = await offered()
    const { id } = await client.deployment()
    expect((await client.get(`/cancelAction/${id}`)).status).toBe(404)
    const refused = await client.feedback(id, 'closed', 'success', {}, 'cancelAction')
    expect({ status: refused.status, code: refused.json<{ errorCode: string }>().errorCode }).toEqual({
      status: 405,
      code: 'ACTION_NOT_CANCELLED',
    })
    expect(await client.links()).toEqual(['deploymentBase'])
  })

  it('makes room for the next one, under another number', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await cancel(rollout)
    await client.feedback(id, 'closed', 'success', {}, 'cancelAction')
    await scene.rollout(await scene.release(new Uint8Array(100).fill(1)), [client])
    const next = await client.deployment()
    expect(Number(next.id)).toBeGreaterThan(Number(id))
  })

  it('comes before the next one: a client is told to stop first', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await cancel(rollout)
    await scene.rollout(await scene.release(new Uint8Array(100).fill(1)), [client])
    expect(await client.links()).toEqual(['cancelAction'])
    await client.feedback(id, 'closed', 'success', {}, 'cancelAction')
    expect(await client.links()).toEqual(['deploymentBase'])
  })
})

describe('consent', () => {
  it('is asked for before anything is shown to be installed', async () => {
    const { client, rollout } = await offered(true)
    const link = await client.link('confirmationBase')
    expect(await client.links()).toEqual(['confirmationBase'])
    const id = idIn(link)
    expect((await client.get(`/deploymentBase/${id}`)).status).toBe(404)
    expect((await client.feedback(id, 'closed', 'success')).status).toBe(404)
    const asked = (await client.get(`${link}&actionHistory=-1`)).json<{ id: string; confirmation: object }>()
    expect(asked).toMatchObject({
      id,
      confirmation: { download: 'forced', update: 'forced', chunks: [{ part: 'bApp' }] },
    })
    expect((await confirm(client, id, 'denied', { details: ['not now'], code: 3 })).status).toBe(200)
    expect(await client.links()).toEqual(['confirmationBase'])
    expect((await confirm(client, id, 'confirmed')).status).toBe(200)
    expect(await client.links()).toEqual(['deploymentBase'])
    expect((await client.get(link)).status).toBe(404)
    expect((await confirm(client, id, 'confirmed')).status).toBe(404)
    await client.feedback(id, 'closed', 'success')
    expect(await scene.stateOf(rollout, client)).toBe('installed')
    expect((await confirm(client, id, 'confirmed')).status).toBe(410)
  })

  it('that is not needed is 404', async () => {
    const { client } = await offered()
    const { id } = await client.deployment()
    expect((await client.get(`/confirmationBase/${id}`)).status).toBe(404)
    expect((await confirm(client, id, 'confirmed')).status).toBe(404)
  })

  it('is given once for all by auto-confirm, also to what waits; and asked for again after it', async () => {
    const { client } = await offered(true)
    expect(await client.links()).toEqual(['confirmationBase'])
    const base = async () => (await client.get('/confirmationBase')).json<{ autoConfirm: object; _links: object }>()
    expect(await base()).toMatchObject({
      autoConfirm: { active: false },
      _links: { activateAutoConfirm: {}, confirmationBase: {} },
    })
    const said = JSON.stringify({ initiator: 'operator', remark: 'night shift' })
    expect((await client.send('POST', '/confirmationBase/activateAutoConfirm', said)).status).toBe(200)
    expect(await base()).toMatchObject({
      autoConfirm: { active: true, initiator: 'operator', remark: 'night shift', activatedAt: expect.any(Number) },
      _links: { deactivateAutoConfirm: {} },
    })
    const { id } = await client.deployment()
    await client.feedback(id, 'closed', 'failure')
    await scene.rollout(await scene.release(new Uint8Array(100).fill(1)), [client])
    const next = await client.deployment()
    await client.feedback(next.id, 'closed', 'failure')
    expect((await client.send('POST', '/confirmationBase/deactivateAutoConfirm')).status).toBe(200)
    await scene.rollout(await scene.release(new Uint8Array(100).fill(1)), [client])
    expect(await client.links()).toEqual(['confirmationBase'])
    // Without a word of who and why.
    expect((await client.send('POST', '/confirmationBase/activateAutoConfirm')).status).toBe(200)
    expect(await client.links()).toEqual(['deploymentBase'])
  })
})
