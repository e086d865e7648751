import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { CLASS_ID, TrustFixture, VENDOR_ID } from '../../../test/support/trust-fixture.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { buildSign1 } from '../cose/sign1.js'
import type { Manifest } from '../suit/manifest.js'
import { openSubmission, requireSubmissionFits, type SubmissionContext } from './check-submission.js'
import { labelOf } from './labels.js'
import { nothingRevoked } from './signed-document.js'
import { encodeSubmission, type Submission } from './submission.js'

const fixture = await TrustFixture.make()
const { policy, now, root, namespace } = fixture
const context = { policy, allowed: root.algorithms, revoked: nothingRevoked, now, algorithms: nativeAlgorithms }
const submission: Submission = {
  namespace,
  imageSha256: new Uint8Array(32).fill(1),
  imageSizeBytes: 1_000,
  version: '1.4.0',
  classId: CLASS_ID,
  requestId: 'r-1',
  time: now,
}
const keyId = fixture.person('engineer-1').keyIdHex

it('is opened with the person who signed it', async () => {
  const opened = openSubmission(await fixture.submission('engineer-1', submission), context)
  expect(opened.submission).toEqual(submission)
  expect(opened.requester.name).toBe('engineer-1')
  expect(opened.keyId).toBe(keyId)
})

describe('refuses a submission', () => {
  const notAfter = now + 365 * 86_400
  const manager = fixture.person('manager-1').keyIdHex
  const table: [
    name: string,
    person: string,
    change: Partial<Submission>,
    Partial<SubmissionContext>,
    string,
    object,
  ][] = [
    ['by a manager', 'manager-1', {}, {}, 'SUBMITTER_UNKNOWN', { keyId: manager }],
    ['by a revoked key', 'engineer-1', {}, { revoked: new Map([[keyId, 1]]) }, 'KEY_REVOKED', { keyId }],
    [
      'by somebody who left',
      'engineer-1',
      {},
      { now: notAfter },
      'KEY_NOT_ACTIVE',
      { keyId, notBefore: 0, notAfter, now: notAfter },
    ],
    ['by an algorithm the root dropped', 'engineer-1', {}, { allowed: [] }, 'ALGORITHM_NOT_ALLOWED', { alg: -19 }],
    [
      'of another namespace',
      'engineer-1',
      { namespace: 'gateway/dev' },
      {},
      'WRONG_NAMESPACE',
      { expected: namespace, found: 'gateway/dev' },
    ],
  ]
  it.each(table)('%s', async (_, person, change, inContext, code, detail) => {
    const bytes = await fixture.submission(person, { ...submission, ...change })
    expect(refusedBy(() => openSubmission(bytes, { ...context, ...inContext }))).toEqual({ code, detail })
  })

  it('by a stranger, and one that was signed as an approval', async () => {
    const stranger = makeSoftKey()
    const byStranger = await buildSign1(stranger, encodeSubmission(submission), labelOf('submission'))
    expect(refusedBy(() => openSubmission(byStranger, context))).toEqual({
      code: 'SUBMITTER_UNKNOWN',
      detail: { keyId: stranger.keyIdHex },
    })
    const engineer = fixture.person('engineer-1')
    const asApproval = await buildSign1(engineer, encodeSubmission(submission), labelOf('approval'))
    expect(refusedBy(() => openSubmission(asApproval, context))).toEqual({
      code: 'SIGNATURE_INVALID',
      detail: { keyId },
    })
  })
})

describe('the manifest', () => {
  const manifest: Manifest = {
    ...submission,
    sequence: 5,
    vendorId: VENDOR_ID,
    textSha256: new Uint8Array(32),
  }
  it('is about what the engineer signed for', () => {
    expect(() => requireSubmissionFits(submission, 'r-1', manifest)).not.toThrow()
  })

  it.each([
    ['imageSha256', { imageSha256: new Uint8Array(32) }],
    ['imageSizeBytes', { imageSizeBytes: 1_001 }],
    ['version', { version: '1.4.1' }],
    ['classId', { classId: new Uint8Array(16) }],
  ] as [string, Partial<Manifest>][])('is refused when its %s is another', (field, change) => {
    expect(refusedBy(() => requireSubmissionFits(submission, 'r-1', { ...manifest, ...change }))).toEqual({
      code: 'SUBMISSION_MISMATCH',
      detail: { field },
    })
  })

  it('is refused under another request', () => {
    expect(refusedBy(() => requireSubmissionFits(submission, 'r-2', manifest))).toEqual({
      code: 'SUBMISSION_MISMATCH',
      detail: { field: 'requestId' },
    })
  })
})
