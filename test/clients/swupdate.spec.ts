import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { CuttingProxy } from '../support/cutting-proxy.js'
import type { DdiClient } from '../support/ddi-client.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { eventually, type TestRelease } from '../support/fleet-fixture.js'
import { BundleSigner, makeBundle, Swupdate, type BundleOptions } from '../support/swupdate.js'

/** Debian's SWUpdate, unchanged, against this server: what it does by itself, what it sends, what becomes of its deployment. */
const WAIT_MS = 100_000
const scene = new DdiScene({
  policy: legacyPolicy() ?? {},
  ddi: { pollSeconds: 1, jitterPercent: 0 },
  config: { maxUploadBytes: 16_777_216 },
})
let folder = ''
let signer: BundleSigner
let proxy: CuttingProxy
let running: Swupdate | undefined
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cs-swupdate-'))
  signer = new BundleSigner(folder)
  await scene.fleet.app.listen(0, '127.0.0.1')
  proxy = await CuttingProxy.start((scene.fleet.app.getHttpServer() as { address(): AddressInfo }).address().port)
}, 240_000)
afterEach(async () => {
  await running?.stop()
  running = undefined
})
afterAll(async () => {
  await proxy.stop()
  await rm(folder, { recursive: true })
})

interface Scene {
  readonly client: DdiClient
  readonly swupdate: Swupdate
  readonly content: Uint8Array
  readonly target: string
  readonly version: string
  readonly release: TestRelease
  readonly rollout: () => Promise<string>
}
let count = 0
/** A client that is known, a release of a bundle for it, and the program, not started. */
async function prepare(change: Partial<BundleOptions> & { readonly sizeBytes?: number } = {}): Promise<Scene> {
  count += 1
  const client = await scene.client(`swupdate-${count}`)
  const target = change.target ?? join(folder, `target-${count}.img`)
  const content = change.content ?? new Uint8Array(randomBytes(change.sizeBytes ?? 300_000))
  const bundle = makeBundle(folder, { version: `1.0.${count}`, ...change, content, target }, change.signer ?? signer)
  const release = await scene.release(bundle)
  const swupdate = new Swupdate(join(folder, `client-${count}`), {
    url: proxy.url,
    tenant: scene.tenant,
    controllerId: client.controllerId,
    token: client.authorization.replace('TargetToken ', ''),
    certificate: signer.certificate,
    identify: { version: '1.0.0', boot_id: 'first', serial: String(count) },
  })
  running = swupdate
  const rollout = (): Promise<string> => scene.rollout(release, [client])
  return { client, swupdate, content, target, version: `1.${release.sequence}.0`, release, rollout }
}
const until = (rollout: string, client: DdiClient, state: string): Promise<true> =>
  eventually(async () => ((await scene.stateOf(rollout, client)) === state ? true : null), WAIT_MS)
interface Action {
  readonly outcome: string | null
  readonly entries: readonly { readonly status: string; readonly messages: readonly string[] }[]
}
async function actionsOf({ id }: DdiClient): Promise<readonly Action[]> {
  return (await scene.fleet.call<{ items: Action[] }>('GET', `/ddi/targets/${id}/actions`)).items
}
const said = (actions: readonly Action[]): string =>
  actions.flatMap(({ entries }) => entries.flatMap(({ messages }) => messages)).join('\n')

describe('SWUpdate', () => {
  it('polls, downloads, installs a signed bundle, and is confirmed by what it runs after its restart', async () => {
    const { client, swupdate, content, target, version, rollout } = await prepare()
    swupdate.start()
    await eventually(async () => ((await client.links()).length === 0 ? true : null), WAIT_MS)
    const id = await rollout()
    await eventually(
      async () => (said(await actionsOf(client)).includes('All Chunks Installed.') ? true : null),
      WAIT_MS,
    )
    expect(new Uint8Array(readFileSync(target)).every((byte, index) => byte === content[index])).toBe(true)
    // It waits for its restart, and says "done" no sooner.
    expect(await scene.stateOf(id, client)).toBe('downloading')
    await swupdate.stop()
    swupdate.start({ confirm: 2, identify: { version, boot_id: 'second' } })
    await until(id, client, 'confirmed')
    const [action] = await actionsOf(client)
    expect(action?.outcome).toBe('finished')
    // Its own last words may come behind its verdict, and are not waited for.
    expect(said([action as Action])).toMatch(/SWUPDATE successful !|Update Installed\./)
    expect(await client.links()).toEqual(['installedBase'])
    const shown = await scene.fleet.call<object>('GET', `/devices/${client.id}`)
    expect(shown).toMatchObject({ runningSequence: expect.any(Number), report: null })
  }, 300_000)

  it('that comes back with the old version after it said "it works" is reverted, not confirmed', async () => {
    const { client, swupdate, rollout } = await prepare()
    swupdate.start()
    const id = await rollout()
    await eventually(
      async () => (said(await actionsOf(client)).includes('All Chunks Installed.') ? true : null),
      WAIT_MS,
    )
    await swupdate.stop()
    swupdate.start({ confirm: 2, identify: { boot_id: 'second' } })
    await until(id, client, 'reverted')
  }, 300_000)

  it('goes on where a cut connection left it', async () => {
    const { client, swupdate, content, target, rollout } = await prepare({ sizeBytes: 3_000_000 })
    proxy.requests.length = 0
    Object.assign(proxy, { cutAfterBytes: 1_000_000, cutTimes: 2 })
    swupdate.start()
    await rollout()
    await eventually(
      async () => (said(await actionsOf(client)).includes('All Chunks Installed.') ? true : null),
      WAIT_MS,
    )
    expect(proxy.cutTimes).toBe(0)
    const ranges = proxy.requests.flatMap((text) => /^range: bytes=(\d+)-\r?$/im.exec(text)?.[1] ?? [])
    expect(ranges.filter((from) => Number(from) > 0).length).toBeGreaterThanOrEqual(2)
    expect(Buffer.from(content).equals(readFileSync(target))).toBe(true)
  }, 300_000)

  it('that finds its deployment cancelled before it began says so, and downloads nothing', async () => {
    const { client, swupdate, target, rollout } = await prepare()
    await client.configData({ version: '1.0.0' })
    const id = await rollout()
    await client.deployment()
    await scene.fleet.call('POST', `/rollouts/${id}/cancel`)
    swupdate.start()
    await eventually(async () => ((await actionsOf(client))[0]?.outcome === 'cancelled' ? true : null), WAIT_MS)
    expect(existsSync(target)).toBe(false)
    expect(await scene.stateOf(id, client)).toBe('cancelled')
  }, 300_000)

  it('that is cancelled while it downloads stops, and says so', async () => {
    const { client, swupdate, target, content, rollout } = await prepare({ sizeBytes: 4_000_000 })
    // Slow enough that a busy machine notices the end before the bundle is whole.
    Object.assign(proxy, { bytesPerSecond: 60_000, artifactBytes: 0 })
    try {
      swupdate.start()
      const id = await rollout()
      // It says that it downloads before it asks for the first byte: an end in between is a download that it is not given.
      await eventually(() => (proxy.artifactBytes > 0 ? true : null), WAIT_MS)
      await scene.fleet.call('POST', `/rollouts/${id}/cancel`)
      await eventually(async () => ((await actionsOf(client))[0]?.outcome === 'cancelled' ? true : null), WAIT_MS)
      const isWhole = existsSync(target) && Buffer.from(content).equals(readFileSync(target))
      expect(isWhole).toBe(false)
      expect(await scene.stateOf(id, client)).toBe('cancelled')
    } finally {
      proxy.bytesPerSecond = Number.MAX_SAFE_INTEGER
    }
  }, 300_000)

  it.each([
    [
      'a bundle whose content was changed after it was signed',
      { tamper: (bytes: Uint8Array) => bytes.map((each, index) => (index === 7 ? each ^ 1 : each)) },
    ],
    ['a bundle for a place that is not there', { target: '/nowhere/at/all/target.img' }],
  ] as const)(
    'that is given %s reports the failure, with its own words',
    async (_, change) => {
      const { client, swupdate, rollout } = await prepare(change)
      swupdate.start()
      const id = await rollout()
      await until(id, client, 'failed')
      const [action] = await actionsOf(client)
      expect(action?.outcome).toBe('failed')
      expect(action?.entries.at(-1)).toMatchObject({ status: 'ERROR' })
      expect(said([action as Action])).toMatch(/ERROR|failed/)
    },
    300_000,
  )

  it('that is given a bundle of another signer installs nothing', async () => {
    const { client, swupdate, target, rollout } = await prepare({ signer: new BundleSigner(folder, 'stranger') })
    swupdate.start()
    const id = await rollout()
    await until(id, client, 'failed')
    expect(existsSync(target)).toBe(false)
    expect(swupdate.log).toContain('Authentication of all signatures failed')
  }, 300_000)

  it('with a wrong token gets nothing, and asks on', async () => {
    const { client, swupdate, rollout } = await prepare()
    await client.configData({ version: '1.0.0' })
    const id = await rollout()
    await scene.fleet.call('POST', `/ddi/targets/${client.id}/token`, {})
    proxy.requests.length = 0
    swupdate.start()
    await eventually(() => (proxy.requests.length >= 2 ? true : null), WAIT_MS)
    expect(await scene.stateOf(id, client)).toBe('offered')
    const { items } = await scene.fleet.call<{ items: { kind: string; count: number }[] }>('GET', '/ddi/refusals')
    expect(items.find(({ kind }) => kind === 'UNAUTHENTICATED')?.count).toBeGreaterThanOrEqual(1)
  }, 300_000)
})
