import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { Refusal } from '../../src/domain/refusal.js'
import type { DdiClient, DdiDeployment } from '../support/ddi-client.js'
import { DdiScene } from '../support/ddi-scene.js'
import { first } from '../support/fleet-device.js'
import { eventually } from '../support/fleet-fixture.js'

const scene = new DdiScene()

const image = new Uint8Array(Buffer.concat([Buffer.from('070702'), Buffer.alloc(9_994, 7)]))
const hex = (name: string): string => createHash(name).update(image).digest('hex')
/** A client with a deployment that waits for it. */
async function offered(change: object = {}): Promise<{ client: DdiClient; rollout: string; version: string }> {
  const client = await scene.client()
  await client.configData({ version: '1.0.0', boot_id: 'first' })
  const release = await scene.release(image)
  const rollout = await scene.rollout(release, [client], change)
  return { client, rollout, version: `1.${release.sequence}.0` }
}
const artifactOf = (deployment: DdiDeployment) => first(first(deployment.deployment.chunks)[0].artifacts)[0]
const linkOf = (deployment: DdiDeployment): string => artifactOf(deployment)._links['download-http']?.href ?? ''

describe('a deployment', () => {
  it('is shown with everything that any client asks for', async () => {
    const { client, version } = await offered()
    expect(await client.links()).toEqual(['deploymentBase'])
    const found = await client.deployment()
    const link = `http://updates.example:8080${client.base}/softwaremodules/${found.id}/artifacts/firmware-${version}.swu`
    expect(found).toEqual({
      id: expect.stringMatching(/^[1-9]\d{0,9}$/),
      deployment: {
        download: 'forced',
        update: 'forced',
        chunks: [
          {
            part: 'bApp',
            version,
            name: 'gateway-r2',
            artifacts: [
              {
                filename: `firmware-${version}.swu`,
                hashes: { sha1: hex('sha1'), md5: hex('md5'), sha256: hex('sha256') },
                size: image.length,
                _links: { 'download-http': { href: link }, 'md5sum-http': { href: `${link}.MD5SUM` } },
              },
            ],
          },
        ],
      },
    })
    const listed = await client.get(`/softwaremodules/${found.id}/artifacts`)
    expect(listed.json()).toEqual([artifactOf(found)])
  })

  it('has its links under both names where the client came by https', async () => {
    const { client } = await offered()
    expect(Object.keys(artifactOf(await client.deployment())._links)).toEqual(['download-http', 'md5sum-http'])
    // Only the word of a trusted proxy makes it https; here there is none.
    const link = await client.link('deploymentBase')
    const plain = await client.get(link, { 'x-forwarded-proto': 'https' })
    expect(Object.keys(artifactOf(plain.json<DdiDeployment>())._links)).toEqual(['download-http', 'md5sum-http'])
  })

  it('goes its whole way: told, downloaded, called done, confirmed by what the client runs after its next boot', async () => {
    const { client, rollout, version } = await offered()
    const state = () => scene.stateOf(rollout, client)
    const { id, ...found } = await client.deployment()
    expect(await state()).toBe('offered')
    await client.get(linkOf({ id, ...found }))
    expect(await state()).toBe('downloading')
    expect((await client.feedback(id, 'downloaded')).status).toBe(200)
    expect(await state()).toBe('downloaded')
    expect((await client.feedback(id, 'proceeding', 'none', { details: ['writing'] })).status).toBe(200)
    expect(await state()).toBe('installing')
    const closed = await client.feedback(id, 'closed', 'success')
    // Exactly 200, and empty: with 201 or 204 SWUpdate goes no further.
    expect({ status: closed.status, body: closed.body }).toEqual({ status: 200, body: '' })
    // Done is a word (I-6).
    expect(await state()).toBe('installed')
    expect(await client.links()).toEqual(['configData', 'installedBase'])
    // Before the restart the old version runs, rightly.
    await client.configData({ version: '1.0.0', boot_id: 'first' })
    expect(await state()).toBe('installed')
    expect(await client.links()).toEqual(['configData', 'installedBase'])
    await client.configData({ version, boot_id: 'second' })
    expect(await state()).toBe('confirmed')
    expect(await client.links()).toEqual(['installedBase'])
    const shown = await scene.fleet.call<object>('GET', `/devices/${client.id}`)
    expect(shown).toMatchObject({ protocol: 'ddi', report: null, runningImageSha256: hex('sha256') })
    await eventually(async () => ((await scene.fleet.show(rollout)).state === 'finished' ? true : null))
  })

  it('is reverted when the client comes from another boot with another version', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    await client.feedback(id, 'closed', 'success')
    await client.configData({ version: '1.0.0', boot_id: 'second' })
    expect(await scene.stateOf(rollout, client)).toBe('reverted')
    expect(await client.links()).toEqual(['installedBase'])
  })

  it('stays installed, and times out in the end, when the client never says what it runs', async () => {
    // Silence is looked for twenty times within what is allowed.
    const { client, rollout } = await offered({ silenceSeconds: 60 })
    const { id } = await client.deployment()
    await client.feedback(id, 'closed', 'success')
    await client.configData({ serial: '5' })
    expect(await scene.stateOf(rollout, client)).toBe('installed')
    await scene.fleet.sql('UPDATE deployment SET alive_at = 1 WHERE rollout_id = $1', [rollout])
    await eventually(async () => ((await scene.stateOf(rollout, client)) === 'timedOut' ? true : null))
    expect(await client.links()).not.toContain('cancelAction')
  })

  it('is confirmed by installedBase too; an unknown version or another name is 404', async () => {
    const { client, rollout, version } = await offered()
    const { id } = await client.deployment()
    await client.feedback(id, 'closed', 'success')
    const put = (name: string, text: string) =>
      client.send('PUT', '/installedBase', JSON.stringify({ name, version: text }))
    expect((await put('gateway-r2', '9.9.9')).status).toBe(404)
    expect((await put('other', version)).status).toBe(404)
    expect(await scene.stateOf(rollout, client)).toBe('installed')
    expect((await put('gateway-r2', version)).status).toBe(201)
    expect(await scene.stateOf(rollout, client)).toBe('confirmed')
    expect((await put('gateway-r2', version)).status).toBe(200)
  })

  it('that failed says so, with the reason in its history, and is not asked about again', async () => {
    const { client, rollout } = await offered()
    const { id } = await client.deployment()
    const details = ['ERROR : no space']
    expect((await client.feedback(id, 'closed', 'failure', { details, code: -7 })).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('failed')
    expect(await client.links()).toEqual([])
    const { items } = await scene.fleet.call<{ items: { outcome: string; entries: object[] }[] }>(
      'GET',
      `/ddi/targets/${client.id}/actions`,
    )
    expect(items[0]).toMatchObject({ outcome: 'failed' })
    expect(items[0]?.entries.at(-1)).toMatchObject({ by: 'client', status: 'ERROR', code: -7, messages: details })
  })

  it('is another device’s: 404 for everything of it', async () => {
    const { client } = await offered()
    const found = await client.deployment()
    const other = await scene.client()
    for (const path of [
      `/deploymentBase/${found.id}`,
      `/installedBase/${found.id}`,
      `/cancelAction/${found.id}`,
      `/confirmationBase/${found.id}`,
      `/softwaremodules/${found.id}/artifacts`,
      `/softwaremodules/${found.id}/artifacts/${artifactOf(found).filename}`,
    ])
      expect({ path, status: (await other.get(path)).status }).toEqual({ path, status: 404 })
    for (const kind of ['deploymentBase', 'cancelAction'])
      expect((await other.feedback(found.id, 'closed', 'success', {}, kind)).status).toBe(404)
    expect(await scene.stateOf((await rolloutOf(client)) ?? '', client)).toBe('offered')
  })
})

const rolloutOf = async (client: DdiClient): Promise<string | undefined> =>
  (
    await scene.fleet.sql<{ id: string }>('SELECT rollout_id AS id FROM deployment WHERE device_id = $1', [client.id])
  )[0]?.id

describe('what a client does not get', () => {
  it('is anything while the online signer gives no assignment: the pace that people signed holds here too', async () => {
    const client = await scene.client()
    await client.configData({ version: '1.0.0' })
    scene.fleet.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'PACE_EXCEEDED', check: 24 })
    const release = await scene.release(image)
    const { id } = await scene.fleet.rollout(release, [client], { stages: [{ percent: 100 }] })
    await scene.fleet.call('POST', `/rollouts/${id}/start`)
    await eventually(async () => ((await scene.fleet.show(id)).waitingFor === 'PACE_EXCEEDED' ? true : null))
    expect(await scene.stateOf(id, client)).toBe('queued')
    expect(await client.links()).toEqual([])
    scene.fleet.signers.refusal = null
    await eventually(async () => ((await client.links()).includes('deploymentBase') ? true : null), 60_000)
    expect(scene.fleet.signers.assigned.has(client.id)).toBe(true)
  }, 90_000)

  it('is anything under an assignment that has ended, whatever it was told before', async () => {
    const { client, rollout } = await offered()
    const found = await client.deployment()
    await scene.fleet.sql(
      'UPDATE deployment SET assignment_expires = 1, assigned_at = assigned_at WHERE rollout_id = $1',
      [rollout],
    )
    await scene.fleet.call('POST', `/rollouts/${rollout}/pause`)
    await scene.fleet.sql('UPDATE deployment SET assignment_expires = 1 WHERE rollout_id = $1', [rollout])
    expect(await client.links()).toEqual([])
    expect((await client.get(`/deploymentBase/${found.id}`)).status).toBe(404)
    expect((await client.get(linkOf(found))).status).toBe(404)
    // What it has to say is heard all the same.
    expect((await client.feedback(found.id, 'closed', 'failure')).status).toBe(200)
  })

  it('is an offer of a rollout that is paused; what has begun goes on', async () => {
    const [waiting, begun] = [await offered(), await offered()]
    const found = await begun.client.deployment()
    await begun.client.feedback(found.id, 'proceeding')
    for (const { rollout } of [waiting, begun]) await scene.fleet.call('POST', `/rollouts/${rollout}/pause`)
    expect(await waiting.client.links()).toEqual([])
    expect(await begun.client.links()).toEqual(['deploymentBase'])
    await scene.fleet.call('POST', `/rollouts/${waiting.rollout}/resume`)
    expect(await waiting.client.links()).toEqual(['deploymentBase'])
  })

  it('is an artifact by another name, or after the end', async () => {
    const { client } = await offered()
    const found = await client.deployment()
    const base = `/softwaremodules/${found.id}/artifacts`
    for (const name of ['other.swu', '..%2f..%2fetc%2fpasswd', 'firmware.swu'])
      expect((await client.get(`${base}/${name}`)).status).toBe(404)
    await client.feedback(found.id, 'closed', 'success')
    expect((await client.get(linkOf(found))).status).toBe(404)
    expect((await client.get(`/installedBase/${found.id}`)).status).toBe(200)
  })
})

describe('an artifact', () => {
  it('comes whole with its length, by HEAD without its bytes, and in parts', async () => {
    const { client } = await offered()
    const link = linkOf(await client.deployment())
    const etag = `"${hex('sha1')}"`
    const whole = await client.get(link)
    expect(whole).toMatchObject({ status: 200, headers: { 'content-length': String(image.length), etag } })
    expect(whole.headers['transfer-encoding']).toBeUndefined()
    expect(Buffer.from(whole.body, 'latin1').equals(image)).toBe(true)
    const head = await client.send('HEAD', link)
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': String(image.length), etag } })
    const part = await client.get(link, { range: 'bytes=9000-', 'if-range': etag })
    expect(part).toMatchObject({ status: 206, headers: { 'content-range': `bytes 9000-9999/${image.length}` } })
    expect(part.body).toHaveLength(1_000)
    expect(await client.get(link, { range: 'bytes=9000-', 'if-range': '"other"' })).toMatchObject({ status: 200 })
    const beyond = await client.get(link, { range: `bytes=${image.length}-` })
    expect(beyond).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${image.length}` } })
    expect((await client.get(link, { 'if-match': '"other"' })).status).toBe(412)
    expect((await client.get(link, { 'if-match': `"x", ${etag}` })).status).toBe(200)
  })

  it('has an MD5SUM file beside it, as md5sum writes it', async () => {
    const { client, version } = await offered()
    const answer = await client.get(`${linkOf(await client.deployment())}.MD5SUM`)
    expect(answer.body).toBe(`${hex('md5')}  firmware-${version}.swu`)
    expect(answer.headers['content-type']).toMatch(/^text\/plain/)
  })
})
