import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { sha256, toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { encodeText } from '../../domain/suit/text.js'
import { manifestSha256 } from '../../domain/suit/envelope.js'
import { parseManifest } from '../../domain/suit/manifest.js'
import type { Approval } from '../../domain/trust/approval.js'
import { checkEnvelope } from '../../domain/trust/check-envelope.js'
import { anchorState } from '../../domain/trust/trust-state.js'
import type { SignerRequest } from '../../protocol/signer-socket.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { findPublished } from '../../../test/support/published-release.js'
import { refusedBySigner } from '../../../test/support/refused-by-signer.js'
import { imageOf, piecesOf, SignerFixture } from '../../../test/support/signer-fixture.js'
import { RELEASE_FILE } from '../trust/release-file.js'

type ReSignRequest = Omit<Extract<SignerRequest, { operation: 're-sign' }>, 'operation'>

let fixture: SignerFixture
let release: SignerClient
let nextRoot: Uint8Array
let signed: { manifest: Uint8Array; text: Uint8Array; envelope: Uint8Array; requestId: string }

beforeEach(async () => {
  fixture = await SignerFixture.make()
  release = await fixture.start('release')
  await fixture.signFirstKrl(release)
  const image = imageOf(1)
  await release.hashImage(piecesOf(image), image.length)
  const request = await fixture.signRequest(1)
  const { envelope } = await release.request('sign', request)
  signed = { ...request, envelope }
  nextRoot = await rotated()
})
afterEach(() => fixture.dispose())

/** A root in which another key of the token takes over role manifest-a; its time began a minute ago. */
async function rotated(change: { notBefore?: number } = {}): Promise<Uint8Array> {
  const { keyIds, trust, clock } = fixture
  const [old, successor] = [keyIds.get('manifest-a') ?? '', keyIds.get('freshness') ?? '']
  const roles = new Map(trust.root.roles).set('manifest-a', { threshold: 1, keyIds: [old, successor] })
  roles.delete('freshness')
  const other = trust.root.keys.get(successor)
  if (other === undefined) throw new Error('no keys')
  const notBefore = change.notBefore ?? clock.seconds - 60
  const keys = new Map(trust.root.keys).set(successor, { ...other, notBefore })
  return (await trust.nextRoot({ keys, roles })).bytes
}

async function request(
  approval: Partial<Approval> = {},
  approvers = ['manager-1', 'manager-2'],
): Promise<ReSignRequest> {
  const requestId = `re-sign-${randomBytes(4).toString('hex')}`
  const { manifest, text } = signed
  const fields = {
    operation: 're-sign' as const,
    subjectSha256: manifestSha256(manifest),
    requestId,
    image: parseManifest(manifest),
    ...approval,
  }
  const approvals = await Promise.all(approvers.map((person) => fixture.trust.approval(person, fields)))
  return { trust: fixture.courier({ roots: [nextRoot] }), requestId, approvals, manifest, text }
}

const published = (): Uint8Array | null => findPublished(fixture.folder, toHex(manifestSha256(signed.manifest)))

describe('re-sign', () => {
  it('is what a start publishes, and the signature before it is not shown again for a moment', async () => {
    await release.request('re-sign', await request())
    const again = published()
    expect(again).not.toEqual(signed.envelope)
    const start = async (): Promise<void> => {
      await fixture.stop('release')
      release = await fixture.start('release')
    }
    await start()
    // From here on the signature before it is nowhere in the folder, so there is nothing to write once more.
    const file = join(fixture.folder, 'published', RELEASE_FILE)
    const before = statSync(file)
    await start()
    expect(statSync(file)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs })
    rmSync(file)
    await start()
    expect(published()).toEqual(again)
  })

  it('gives the identical manifest a signature of the newer key, and publishes that', async () => {
    const { envelope } = await release.request('re-sign', await request())
    const state = anchorState(nextRoot, nativeAlgorithms)
    const judged = checkEnvelope(
      state,
      envelope,
      manifestSha256(signed.manifest),
      fixture.clock.seconds,
      nativeAlgorithms,
    )
    expect(judged.countedKeyIds).toEqual([fixture.keyIds.get('freshness')])
    expect(judged.envelope.manifest).toEqual(signed.manifest)
    expect(published()).toEqual(envelope)
  })

  it('knows after a restart what it signed, and does not sign twice with one key', async () => {
    await release.request('re-sign', await request())
    await fixture.stop('release')
    release = await fixture.start('release')
    await expect(release.request('re-sign', await request())).rejects.toEqual(refusedBySigner('KEY_NOT_NEWER', 9))
  })

  it('takes no sequence number', async () => {
    const before = (await release.request('status', {})).sequences
    await release.request('re-sign', await request())
    expect((await release.request('status', {})).sequences).toEqual(before)
  })

  it('refuses while no newer key is active', async () => {
    nextRoot = await rotated({ notBefore: fixture.clock.seconds + 60 })
    await expect(release.request('re-sign', await request())).rejects.toEqual(refusedBySigner('KEY_NOT_NEWER', 9))
  })

  it('refuses a manifest that it never signed', async () => {
    const other = await fixture.signRequest(2)
    const { manifest, text } = other
    signed = { ...signed, manifest, text }
    await expect(release.request('re-sign', await request())).rejects.toEqual(refusedBySigner('RELEASE_UNKNOWN', 9))
  })

  it('refuses a release that was withdrawn', async () => {
    const previousSha256 = sha256(new Uint8Array(readFileSync(join(fixture.folder, 'published', 'krl.cbor'))))
    const manifests = [{ digest: toHex(manifestSha256(signed.manifest)), reason: 1 }]
    await release.request('krl', await fixture.krlRequest(fixture.trust.krl({ number: 2, previousSha256, manifests })))
    await expect(release.request('re-sign', await request())).rejects.toEqual(refusedBySigner('MANIFEST_REVOKED', 9))
  })

  it('refuses another text under the same manifest', async () => {
    const wish = { ...(await request()), text: encodeText({ description: 'something else' }) }
    await expect(release.request('re-sign', wish)).rejects.toEqual(refusedBySigner('DIGEST_MISMATCH', 7))
  })

  it('refuses the approvals of the first signature, and those of operation sign', async () => {
    const { requestId } = signed
    const fields = { operation: 'sign' as const, requestId }
    const wish = { ...(await request(fields)), requestId }
    await expect(release.request('re-sign', wish)).rejects.toEqual(refusedBySigner('APPROVAL_MISMATCH', 12))
  })

  it('refuses less than its quorum', async () => {
    const wish = await request({}, ['manager-1'])
    await expect(release.request('re-sign', wish)).rejects.toEqual(refusedBySigner('QUORUM_NOT_MET', 12))
  })

  it('refuses a request-id that is spent', async () => {
    const { requestId } = signed
    const wish = { ...(await request({ requestId })), requestId }
    await expect(release.request('re-sign', wish)).rejects.toEqual(refusedBySigner('REQUEST_SPENT', 16))
  })

  it('does not count who submitted the release, also when they approve in another role', async () => {
    const { trust } = fixture
    const engineer = trust.policy.persons.get('engineer-1')
    if (engineer === undefined) throw new Error('no engineer')
    const persons = new Map(trust.policy.persons).set('engineer-1', {
      ...engineer,
      roles: ['engineer', 'release-manager'],
    })
    fixture.policyHeld = await trust.nextPolicy({ persons })
    const approval = { role: 'release-manager' as const, policyVersion: 2 }
    const wish = await request(approval, ['engineer-1', 'manager-1'])
    await expect(release.request('re-sign', wish)).rejects.toEqual(refusedBySigner('APPROVER_IS_REQUESTER', 12))
  })
})
