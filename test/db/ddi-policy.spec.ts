import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256Hex, toHex } from '../../src/domain/bytes.js'
import { BundleVerdict, type BundleState } from '../../src/server/ddi/bundle-verdict.port.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { problemIn } from '../support/fleet-device.js'
import { eventually } from '../support/fleet-fixture.js'
import { BundleSigner, makeBundle } from '../support/swupdate.js'

/** Knows which bundles were verified. */
class VerdictOfTest extends BundleVerdict {
  readonly verified = new Set<string>()
  override judge = (_namespace: string, imageSha256: Uint8Array): Promise<BundleState> =>
    Promise.resolve(this.verified.has(toHex(imageSha256)) ? 'verified' : 'unverified')
}
const verdict = new VerdictOfTest()

describe('a policy that waives nothing', () => {
  const scene = new DdiScene({ policy: legacyPolicy([]) ?? {}, world: { bundleVerdict: verdict } })
  afterEach(() => verdict.verified.clear())

  it('lets a client have only a bundle whose own signature was verified', async () => {
    const client = await scene.client()
    await client.configData({ version: '1.0.0' })
    const image = new Uint8Array(100).fill(4)
    const release = await scene.release(image)
    const [row] = await scene.fleet.sql<{ sha256: Buffer }>(
      'SELECT image_sha256 AS sha256 FROM release WHERE id = $1',
      [release.id],
    )
    verdict.verified.add(row?.sha256.toString('hex') ?? '')
    await scene.rollout(release, [client])
    expect(await client.links()).toEqual(['deploymentBase'])
  })

  it('ends any other deployment before the client hears of it, with the reason for people to see', async () => {
    const client = await scene.client()
    await client.configData({ version: '1.0.0' })
    const rollout = await scene.rollout(await scene.release(new Uint8Array(100).fill(5)), [client])
    expect(await client.links()).toEqual([])
    expect(await scene.stateOf(rollout, client)).toBe('refused')
    expect((await scene.fleet.show(rollout)).failuresByReason).toEqual({ BUNDLE_UNVERIFIED: 1 })
    await eventually(async () => ((await scene.fleet.show(rollout)).state === 'paused' ? true : null))
  })

  it('has a plan say before it starts how many clients that may have the release will not get it, and why', async () => {
    const [client, newer, blocked, running] = await Promise.all([1, 2, 3, 4].map(() => scene.client()))
    if (!client || !newer || !blocked || !running) throw new Error('clients are missing')
    const image = new Uint8Array(100).fill(6)
    const [old, stone, release] = [await scene.release(), await scene.release(), await scene.release(image)]
    await scene.fleet.call('POST', `/releases/${stone.id}/path`, { isSteppingStone: true })
    for (const [{ id }, { manifestSha256, sequence }] of [
      [client, stone],
      [newer, { ...stone, sequence: 1_000 }],
      [blocked, old],
      [running, release],
    ] as const)
      await scene.fleet.sql('UPDATE device SET running_manifest_sha256 = $2, running_sequence = $3 WHERE id = $1', [
        id,
        Buffer.from(manifestSha256),
        sequence,
      ])
    const members = [client, newer, blocked, running]
    const { id } = await scene.fleet.rollout(release, members, { stages: [{ percent: 100 }] })
    const clientsOf = async () =>
      (await scene.fleet.call<{ legacyClients: unknown }>('GET', `/rollouts/${id}/plan`)).legacyClients
    expect(await clientsOf()).toEqual({ devices: 1, refusal: 'BUNDLE_UNVERIFIED' })
    verdict.verified.add(sha256Hex(image))
    expect(await clientsOf()).toEqual({ devices: 1, refusal: null })
  })
})

describe('a policy that waives nothing, and bundles that the inspector looks into', () => {
  const scene = new DdiScene({ policy: legacyPolicy([]) ?? {} })
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-bundles-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('lets a client have one that a registered key signed, and none of a stranger', async () => {
    const [known, stranger] = [new BundleSigner(folder, 'known'), new BundleSigner(folder, 'stranger')]
    const der = new X509Certificate(readFileSync(known.certificate)).raw
    const body = { label: 'bundles', der: der.toString('base64url') }
    expect((await scene.fleet.raw('POST', '/embedded-keys', body, 'security-officer')).statusCode).toBe(201)
    for (const [signer, links, state] of [
      [known, ['deploymentBase'], 'offered'],
      [stranger, [], 'refused'],
    ] as const) {
      const client = await scene.client()
      await client.configData({ version: '1.0.0' })
      const content = new Uint8Array(1_000).fill(1)
      const image = makeBundle(folder, { version: '2.0.0', content, target: '/nowhere' }, signer)
      const rollout = await scene.rollout(await scene.release(image), [client])
      expect(await client.links()).toEqual(links)
      expect(await scene.stateOf(rollout, client)).toBe(state)
    }
  })
})

describe('a policy that names no such clients', () => {
  const scene = new DdiScene({ policy: {} })

  it('lets none in, neither by people nor by a gateway', async () => {
    const refused = await scene.fleet.raw('POST', '/ddi/targets', { controllerId: 'x', className: 'gateway-r2' })
    const detail = { why: 'the policy lets in no such client of this class' }
    expect(problemIn(refused)).toEqual({ status: 403, code: 'ENROLMENT_REFUSED', detail })
    const body = { label: 'hall', className: 'gateway-r2', uses: 5, expires: scene.fleet.now + 600 }
    const { token } = await scene.fleet.call<{ token: string }>('POST', '/ddi/gateway-tokens', body)
    expect((await scene.as('x', `GatewayToken ${token}`).get()).status).toBe(403)
    expect(await scene.fleet.sql('SELECT 1 FROM device')).toEqual([])
    expect(await scene.fleet.sql('SELECT 1 FROM ddi_gateway_token WHERE used > 0')).toEqual([])
  })
})

describe('a newer policy that names them no more', () => {
  const scene = new DdiScene()

  it('takes back what was offered, and what was begun is cancelled', async () => {
    const [waiting, begun] = [await scene.client(), await scene.client()]
    for (const client of [waiting, begun]) await client.configData({ version: '1.0.0' })
    const rollout = await scene.rollout(await scene.release(new Uint8Array(100).fill(6)), [waiting, begun], {
      failureLimit: { count: 5 },
    })
    const { id } = await begun.deployment()
    await scene.fleet.publishPolicyWithoutLegacy()
    expect(await waiting.links()).toEqual([])
    expect(await scene.stateOf(rollout, waiting)).toBe('refused')
    expect((await begun.get(`/deploymentBase/${id}`)).status).toBe(404)
    expect(await begun.links()).toEqual([])
    // That poll took it back, and the database tells so in its own time.
    const links = await eventually(async () => ((await begun.links()).length === 0 ? null : begun.links()))
    expect(links).toEqual(['cancelAction'])
    expect((await scene.fleet.show(rollout)).failuresByReason).toEqual({ LEGACY_CLIENT_REFUSED: 2 })
  })
})

describe('a release that was withdrawn', () => {
  const scene = new DdiScene()

  it('is offered no more, and its bytes are not given out', async () => {
    const client = await scene.client()
    await client.configData({ version: '1.0.0' })
    const release = await scene.release(new Uint8Array(100).fill(7))
    await scene.rollout(release, [client])
    const { id } = await client.deployment()
    await scene.fleet.publishKrl({ number: 2, manifests: [{ digest: toHex(release.manifestSha256), reason: 1 }] })
    // The judge of releases is asked again at once when a document is new.
    expect(await client.links()).toEqual([])
    expect((await client.get(`/deploymentBase/${id}`)).status).toBe(404)
    expect((await client.get(`/softwaremodules/${id}/artifacts`)).status).toBe(404)
  })
})
