import { afterEach, describe, expect, it } from '@jest/globals'
import { toHex } from '../../src/domain/bytes.js'
import { BundleVerdict } from '../../src/server/ddi/bundle-verdict.port.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { problemIn } from '../support/fleet-device.js'
import { eventually } from '../support/fleet-fixture.js'

/** Knows which bundles were verified. */
class VerdictOfTest extends BundleVerdict {
  readonly verified = new Set<string>()
  override isVerified = (_namespace: string, imageSha256: Uint8Array): Promise<boolean> =>
    Promise.resolve(this.verified.has(toHex(imageSha256)))
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
    expect(await begun.links()).toEqual(['cancelAction'])
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
