import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { sha256, utf8 } from '../../domain/bytes.js'
import { encodeText } from '../../domain/suit/text.js'
import { classIdOf, vendorIdOf } from '../../domain/suit/identifiers.js'
import type { RefusalCode } from '../../domain/refusal.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { refusedBySigner } from '../../../test/support/refused-by-signer.js'
import {
  imageOf,
  piecesOf,
  SignerFixture,
  type ReleaseWish,
  type SignRequest,
} from '../../../test/support/signer-fixture.js'
import { CLASS_ID, signPolicy, TrustFixture, VENDOR_ID, withRoles } from '../../../test/support/trust-fixture.js'

const MANAGERS = ['manager-1', 'manager-2']
const otherDigest = sha256(utf8('something else'))

let fixture: SignerFixture
let release: SignerClient
beforeAll(async () => {
  fixture = await SignerFixture.make({
    policy: (policy) => ({
      limits: { approvalLifeSeconds: 7 * 86_400, maxImageBytes: 100_000 },
      ...withRoles(policy, 'manager-1', ['release-manager', 'engineer']),
    }),
  })
  release = await fixture.start('release')
  await fixture.signFirstKrl(release)
  await fixture.signRelease(release, 10)
  const image = imageOf(11)
  await release.hashImage(piecesOf(image), image.length)
})
afterAll(() => fixture.dispose())

const sign = async (wish: ReleaseWish, sequence = 11): Promise<unknown> =>
  release.request('sign', await fixture.signRequest(sequence, wish))

/** Alone, and while another waits: people's signatures are verified in another way then. */
async function expectRefused(request: Omit<SignRequest, 'operation'>, code: RefusalCode, check: number): Promise<void> {
  const refused = { status: 'rejected', reason: refusedBySigner(code, check) }
  const offer = (times: number) =>
    Promise.allSettled(Array.from({ length: times }, () => release.request('sign', request)))
  expect(await offer(1)).toEqual([refused])
  expect(await offer(2)).toEqual([refused, refused])
}

describe('release signer refuses', () => {
  const now = Math.floor(Date.now() / 1000)
  const cases: readonly (readonly [what: string, code: RefusalCode, check: number, wish: ReleaseWish])[] = [
    ['a submission of another namespace', 'WRONG_NAMESPACE', 5, { submission: { namespace: 'gateway/dev' } }],
    ['a submission by somebody who is no engineer', 'SUBMITTER_UNKNOWN', 5, { submitter: 'security-1' }],
    ['an image that it never hashed', 'IMAGE_UNKNOWN', 6, { image: imageOf(99) }],
    [
      'another size than it counted',
      'IMAGE_MISMATCH',
      6,
      { submission: { imageSizeBytes: 5_000 }, manifest: { imageSizeBytes: 5_000 } },
    ],
    [
      "a manifest about another image than the engineer's",
      'SUBMISSION_MISMATCH',
      7,
      { manifest: { imageSha256: otherDigest } },
    ],
    ['a manifest of another version than the submission', 'SUBMISSION_MISMATCH', 7, { manifest: { version: '9.9.9' } }],
    ['a submission made for another request', 'SUBMISSION_MISMATCH', 7, { submission: { requestId: 'another' } }],
    ['a manifest whose text is another one', 'DIGEST_MISMATCH', 7, { manifest: { textSha256: otherDigest } }],
    ['another vendor', 'WRONG_VENDOR', 7, { manifest: { vendorId: vendorIdOf('other.example') } }],
    [
      'a class that is not of this namespace',
      'WRONG_CLASS',
      7,
      { manifest: { classId: classIdOf(VENDOR_ID, 'gateway', 'rev-b', 'dev') } },
    ],
    ['a sequence that was signed already', 'SEQUENCE_OVERTAKEN', 9, { manifest: { sequence: 10 } }],
    ['a lower sequence', 'SEQUENCE_OVERTAKEN', 9, { manifest: { sequence: 9 } }],
    ['a sequence too far ahead', 'SEQUENCE_JUMP', 9, { manifest: { sequence: 1_011 } }],
    ['a release that nobody approved', 'APPROVALS_MISSING', 12, { approvers: [] }],
    ['one approval too few', 'QUORUM_NOT_MET', 12, { approvers: ['manager-1'] }],
    ['the same person twice', 'APPROVER_REPEATED', 12, { approvers: ['manager-1', 'manager-1'] }],
    ['the requester among the approvers', 'APPROVER_IS_REQUESTER', 12, { submitter: 'manager-1' }],
    ['people of a role that is not asked for', 'QUORUM_NOT_MET', 12, { approvers: ['security-1', 'security-2'] }],
    [
      'a role that the person does not have',
      'APPROVAL_ROLE',
      12,
      { approvers: MANAGERS, approval: { role: 'security' } },
    ],
    ['approvals of another manifest', 'APPROVAL_MISMATCH', 12, { approval: { subjectSha256: otherDigest } }],
    ['approvals of another request', 'APPROVAL_MISMATCH', 12, { approval: { requestId: 'another' } }],
    ['approvals under another policy version', 'APPROVAL_MISMATCH', 12, { approval: { policyVersion: 7 } }],
    ['approvals for another operation', 'APPROVAL_MISMATCH', 12, { approval: { operation: 're-sign' } }],
    ['approvals that ended', 'APPROVAL_EXPIRED', 12, { approval: { notBefore: now - 7_200, expires: now - 3_600 } }],
    [
      'approvals that live longer than the policy lets them',
      'APPROVAL_MISMATCH',
      12,
      { approval: { expires: now + 30 * 86_400 } },
    ],
  ]
  it.each(cases)('%s', async (_, code, check, wish) => {
    await expectRefused(await fixture.signRequest(11, wish), code, check)
  })

  it('a manifest with one byte changed after it was approved', async () => {
    const request = await fixture.signRequest(11)
    const manifest = request.manifest.slice()
    manifest[manifest.length - 1] = (manifest.at(-1) ?? 0) ^ 1
    await expect(release.request('sign', { ...request, manifest })).rejects.toEqual(
      refusedBySigner('DIGEST_MISMATCH', 7),
    )
  })

  it('a manifest with a member that is not in the template', async () => {
    const request = await fixture.signRequest(11)
    const manifest = Uint8Array.of(...request.manifest)
    // One more entry in the map: 25 => 0.
    manifest[0] = (manifest[0] ?? 0) + 1
    await expect(
      release.request('sign', { ...request, manifest: Uint8Array.of(...manifest, 0x18, 0x19, 0x00) }),
    ).rejects.toEqual(refusedBySigner('MANIFEST_TEMPLATE', 7))
  })

  it('a text that is not the one in the manifest', async () => {
    const request = await fixture.signRequest(11)
    await expect(release.request('sign', { ...request, text: encodeText({ description: 'other' }) })).rejects.toEqual(
      refusedBySigner('DIGEST_MISMATCH', 7),
    )
  })

  it('an approval by a key that the policy does not list', async () => {
    const request = await fixture.signRequest(11, { approvers: ['manager-1'] })
    const stranger = await TrustFixture.make({ now: fixture.clock.seconds })
    const forged = await stranger.approval('manager-2', {
      operation: 'sign',
      subjectSha256: otherDigest,
      requestId: request.requestId,
      image: { imageSha256: otherDigest, imageSizeBytes: 1, sequence: 11, classId: CLASS_ID, version: '1.0.0' },
    })
    await expectRefused({ ...request, approvals: [...request.approvals, forged] }, 'APPROVER_UNKNOWN', 12)
  })

  it('an approval whose signature was changed', async () => {
    const request = await fixture.signRequest(11)
    const [first, second] = request.approvals
    if (first === undefined || second === undefined) throw new Error('no approvals')
    const changed = (at: number): Uint8Array => second.with(second.length + at, (second.at(at) ?? 0) ^ 1)
    // The last byte of the signature, and one of what was signed.
    for (const broken of [changed(-1), changed(-80)]) {
      await expectRefused({ ...request, approvals: [first, broken] }, 'SIGNATURE_INVALID', 12)
      // Beside the good one that it was made of.
      await expectRefused({ ...request, approvals: [first, second, broken] }, 'SIGNATURE_INVALID', 12)
    }
  })

  it('a policy that fewer than its threshold signed', async () => {
    const policy = await signPolicy({ ...fixture.trust.policy, version: 2 }, fixture.trust.policyKeys.slice(0, 1))
    const request = await fixture.signRequest(11)
    await expect(release.request('sign', { ...request, trust: fixture.courier({ policy }) })).rejects.toEqual(
      refusedBySigner('THRESHOLD_NOT_MET', 3),
    )
  })

  it('an image beyond the bound of the policy, before its first byte', async () => {
    const pieces = piecesOf(imageOf(1, 100_001))
    await expect(release.hashImage(pieces, 100_001)).rejects.toEqual(refusedBySigner('IMAGE_TOO_LARGE', 6))
  })

  it('an older policy than the newest it has seen', async () => {
    const next = await fixture.trust.nextPolicy({})
    await release.request('import', { trust: fixture.courier({ policy: next.bytes }) })
    await expect(sign({})).rejects.toEqual(refusedBySigner('POLICY_VERSION', 3))
    const changed = await signPolicy({ ...next.policy, limits: {} }, fixture.trust.policyKeys)
    const request = await fixture.signRequest(11)
    await expect(release.request('sign', { ...request, trust: fixture.courier({ policy: changed }) })).rejects.toEqual(
      refusedBySigner('POLICY_CHANGED', 3),
    )
    // Approvals name the policy they were given under.
    fixture.policyHeld = next
  })

  it('no policy that it holds already because others of its holders signed it, and records none', async () => {
    const journalBytes = (): number => statSync(join(fixture.folder, 'release', 'journal')).size
    const before = journalBytes()
    const again = await signPolicy(fixture.policyHeld.policy, fixture.trust.policyKeys.toReversed())
    await release.request('import', { trust: fixture.courier({ policy: again }) })
    expect(journalBytes()).toBe(before)
    const alone = await signPolicy(fixture.policyHeld.policy, fixture.trust.policyKeys.slice(0, 1))
    await expect(release.request('import', { trust: fixture.courier({ policy: alone }) })).rejects.toEqual(
      refusedBySigner('THRESHOLD_NOT_MET', 3),
    )
  })

  it('a root that strangers signed', async () => {
    const stranger = await TrustFixture.make({ now: fixture.clock.seconds })
    const next = await stranger.nextRoot({})
    const request = await fixture.signRequest(11)
    await expect(
      release.request('sign', { ...request, trust: fixture.courier({ roots: [next.bytes] }) }),
    ).rejects.toEqual(refusedBySigner('THRESHOLD_NOT_MET', 3))
  })

  it('and still signs the same release when everything is right', async () => {
    await expect(sign({})).resolves.toHaveProperty('envelope')
  })
})

describe('a request-id', () => {
  beforeEach(async () => {
    const image = imageOf(20)
    await release.hashImage(piecesOf(image), image.length)
  })

  it('pays for one signature', async () => {
    const { requestId } = await fixture.signRequest(20)
    await sign({ requestId }, 20)
    const image = imageOf(21)
    await release.hashImage(piecesOf(image), image.length)
    await expect(sign({ requestId }, 21)).rejects.toEqual(refusedBySigner('REQUEST_SPENT', 16))
  })

  it('of two racing requests lets exactly one through', async () => {
    const image = imageOf(30)
    await release.hashImage(piecesOf(image), image.length)
    const request = await fixture.signRequest(30)
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => release.request('sign', request)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toEqual(refusedBySigner('SEQUENCE_OVERTAKEN', 9))
  })
})
