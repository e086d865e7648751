import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import type { DdiClient, DdiDeployment, DdiPoll } from '../support/ddi-client.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { first } from '../support/fleet-device.js'
import { RecordedClient } from '../support/recorded-client.js'

const scene = new DdiScene({ policy: legacyPolicy() ?? {}, ddi: { alias: 'DEFAULT' } })
const image = new Uint8Array(Buffer.concat([Buffer.from('hsqs'), Buffer.alloc(9_996, 9)]))

/** A client that has told what it runs, and has something to install. */
async function offered(recorded: RecordedClient, client: DdiClient): Promise<{ rollout: string; version: string }> {
  expect((await recorded.send(client, 'identify', { version: '1.0.0', boot: 'first' })).status).toBe(200)
  const release = await scene.release(image)
  return { rollout: await scene.rollout(release, [client]), version: `1.${release.sequence}.0` }
}
const linksOf = (poll: DdiPoll): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(poll._links ?? {}).map(([name, { href }]) => [name, href]))

describe('rauc-hawkbit-updater', () => {
  const rauc = new RecordedClient('rauc-hawkbit-updater.json')
  const poll = async (client: DdiClient): Promise<Readonly<Record<string, string>>> => {
    const answer = await rauc.send(client, 'poll')
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    return linksOf(answer.json())
  }

  it('identifies itself, downloads by the first link it knows, and posts a score of feedbacks, each taken', async () => {
    const client = await scene.client()
    expect(Object.keys(await poll(client))).toEqual(['configData'])
    const { rollout, version } = await offered(rauc, client)
    const { deploymentBase = '' } = await poll(client)
    const answer = await rauc.send(client, 'deployment', { link: deploymentBase })
    const found = answer.json<DdiDeployment>()
    // A number here and the client stops, silently, with exit code 0.
    expect(answer.body).toContain(`"id":"${found.id}"`)
    const [chunk] = first(found.deployment.chunks)
    const [artifact] = first(chunk.artifacts)
    expect([chunk.version, artifact.filename, artifact.size]).toEqual([
      version,
      `firmware-${version}.raucb`,
      image.length,
    ])
    expect(artifact.hashes.sha1).toBe(createHash('sha1').update(image).digest('hex'))
    const link = (artifact._links['download'] ?? artifact._links['download-http'])?.href ?? ''
    const bytes = await rauc.send(client, 'download', { link })
    expect({ status: bytes.status, whole: Buffer.from(bytes.body, 'latin1').equals(image) }).toEqual({
      status: 200,
      whole: true,
    })
    expect((await rauc.send(client, 'resume', { link })).status).toBe(206)
    const feedbacks = rauc.names.filter((name) => /^(download complete|checksum|progress \d+|installed)$/.test(name))
    expect(feedbacks.length).toBeGreaterThan(20)
    for (const name of feedbacks) {
      const taken = await rauc.send(client, name, { action: found.id })
      expect({ name, status: taken.status, body: taken.body }).toEqual({ name, status: 200, body: '' })
    }
    expect(await scene.stateOf(rollout, client)).toBe('installed')
    // It polls on before it reboots, and says what still runs.
    expect(Object.keys(await poll(client))).toEqual(['installedBase', 'configData'])
    await rauc.send(client, 'identify', { version: '1.0.0', boot: 'first' })
    expect(await scene.stateOf(rollout, client)).toBe('installed')
    await rauc.send(client, 'identify', { version, boot: 'second' })
    expect(await scene.stateOf(rollout, client)).toBe('confirmed')
  })

  it('says that it failed', async () => {
    const client = await scene.client()
    const { rollout } = await offered(rauc, client)
    const { deploymentBase = '' } = await poll(client)
    const { id } = (await rauc.send(client, 'deployment', { link: deploymentBase })).json<DdiDeployment>()
    expect((await rauc.send(client, 'failed', { action: id })).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('failed')
  })

  it('finds nothing to cancel with: it knows no cancelAction, and its success still counts as what it is', async () => {
    const client = await scene.client()
    const { rollout } = await offered(rauc, client)
    const { deploymentBase = '' } = await poll(client)
    const { id } = (await rauc.send(client, 'deployment', { link: deploymentBase })).json<DdiDeployment>()
    await scene.fleet.call('POST', `/rollouts/${rollout}/cancel`)
    expect(Object.keys(await poll(client))).toEqual(['cancelAction'])
    expect((await rauc.send(client, 'installed', { action: id })).status).toBe(200)
    expect(Object.keys(await poll(client))).toEqual(['installedBase', 'configData'])
  })
})

describe('Zephyr', () => {
  const zephyr = new RecordedClient('zephyr.json')
  /** It knows one tenant, and is called after its board. */
  const board = async (serial: string): Promise<DdiClient> => {
    const made = await scene.client(`nrf52840dk_nrf52840-${serial}`)
    return scene.as(made.controllerId, made.authorization, made.id, 'DEFAULT')
  }

  it('follows its short addresses, takes one artifact of part bApp, and closes after its reboot', async () => {
    const client = await board('3a0021000851353432393339')
    const idle = await zephyr.send(client, 'poll')
    // It refuses a sleep that has not eight characters, and reads no answer without its length.
    expect(idle.json().config.polling.sleep).toHaveLength(8)
    expect(idle.headers['content-length']).toBe(String(idle.body.length))
    expect(idle.headers['transfer-encoding']).toBeUndefined()
    const { rollout, version } = await offered(zephyr, client)
    const { deploymentBase = '' } = linksOf((await zephyr.send(client, 'poll')).json())
    // From its name on, in a buffer of 50 bytes.
    const short = deploymentBase.slice(deploymentBase.indexOf('deploymentBase/'))
    expect(short.length).toBeLessThan(50)
    const answer = await zephyr.send(client, 'deployment', { link: short })
    const { id, deployment } = answer.json<DdiDeployment>()
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    expect(Number(id)).toBeGreaterThan(0)
    expect(deployment.chunks).toHaveLength(1)
    const [chunk] = first(deployment.chunks)
    expect([chunk.part, chunk.artifacts.length]).toEqual(['bApp', 1])
    const [artifact] = first(chunk.artifacts)
    expect(artifact.hashes.sha256).toBe(createHash('sha256').update(image).digest('hex'))
    const href = artifact._links['download-http']?.href ?? ''
    // From the tenant on, in a buffer of 200 bytes.
    const path = href.slice(href.indexOf('/DEFAULT/controller/v1'))
    expect(path.length).toBeLessThan(200)
    const bytes = await zephyr.send(client, 'download', { link: `http://updates.example${path}` })
    expect({ status: bytes.status, length: bytes.headers['content-length'] }).toEqual({
      status: 200,
      length: String(image.length),
    })
    // After the reboot: attributes first, where they are asked for, then "done".
    expect((await zephyr.send(client, 'report', { action: id })).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('installed')
    expect(Object.keys(linksOf((await zephyr.send(client, 'poll')).json()))).toContain('configData')
    expect((await zephyr.send(client, 'identify', { version, boot: 'second' })).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('confirmed')
  })

  it('closes what is cancelled without asking what it is', async () => {
    const client = await board('3a0021000851353432393340')
    const { rollout } = await offered(zephyr, client)
    await zephyr.send(client, 'poll')
    await scene.fleet.call('POST', `/rollouts/${rollout}/cancel`)
    const { cancelAction = '' } = linksOf((await zephyr.send(client, 'poll')).json())
    const short = cancelAction.slice(cancelAction.indexOf('cancelAction/'))
    expect(short.length).toBeLessThan(50)
    expect((await zephyr.send(client, 'close', { link: short, action: short.split('/')[1] ?? '' })).status).toBe(200)
    expect(Object.keys(linksOf((await zephyr.send(client, 'poll')).json()))).toEqual([])
  })
})
