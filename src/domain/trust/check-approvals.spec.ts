import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { CLASS_ID, TrustFixture } from '../../../test/support/trust-fixture.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { buildSign1 } from '../cose/sign1.js'
import { encodeApproval, type Approval, type ApprovedImage } from './approval.js'
import { checkApproval, requireQuorum, type ApprovalContext, type ApprovedRequest } from './check-approvals.js'
import { labelOf } from './labels.js'
import { nothingRevoked } from './signed-document.js'

const fixture = await TrustFixture.make()
const { policy, now, root } = fixture
const image: ApprovedImage = {
  imageSha256: new Uint8Array(32).fill(1),
  imageSizeBytes: 1_000,
  sequence: 5,
  classId: CLASS_ID,
  version: '1.4.0',
}
const subjectSha256 = new Uint8Array(32).fill(2)
const request: ApprovedRequest = { operation: 'sign', subjectSha256, requestId: 'r-1', image, requester: 'engineer-1' }
const context = { policy, allowed: root.algorithms, revoked: nothingRevoked, now, algorithms: nativeAlgorithms }

const approvalBy = (person: string, change: Partial<Approval> = {}): Promise<Uint8Array> =>
  fixture.approval(person, { operation: 'sign', subjectSha256, requestId: 'r-1', image, ...change })

describe('one approval', () => {
  it('is taken from the person whose key signed it', async () => {
    const { person, keyId, approval } = checkApproval(await approvalBy('manager-1'), request, context)
    expect({ person, keyId }).toEqual({ person: 'manager-1', keyId: fixture.person('manager-1').keyIdHex })
    expect(approval.image).toEqual(image)
  })

  const other = new Uint8Array(32).fill(9)
  const about: [field: string, change: Partial<Approval>][] = [
    ['operation', { operation: 're-sign' }],
    ['subject', { subjectSha256: other }],
    ['requestId', { requestId: 'r-2' }],
    ['policyVersion', { policyVersion: policy.version + 1 }],
    ['imageSha256', { image: { ...image, imageSha256: other } }],
    ['imageSizeBytes', { image: { ...image, imageSizeBytes: 999 } }],
    ['sequence', { image: { ...image, sequence: 6 } }],
    ['classId', { image: { ...image, classId: new Uint8Array(16) } }],
    ['version', { image: { ...image, version: '1.4.1' } }],
    ['expires', { notBefore: now - 86_400, expires: now + 6 * 86_400 + 1 }],
  ]
  it.each(about)('is refused when its %s is not that of the request', async (field, change) => {
    const bytes = await approvalBy('manager-1', change)
    expect(refusedBy(() => checkApproval(bytes, request, context))).toEqual({
      code: 'APPROVAL_MISMATCH',
      detail: { field },
    })
  })

  const keyId = fixture.person('manager-1').keyIdHex
  const notAfter = now + 365 * 86_400
  const table: [name: string, Partial<Approval>, Partial<ApprovalContext>, code: string, detail: object][] = [
    [
      'of another namespace',
      { namespace: 'gateway/dev' },
      {},
      'WRONG_NAMESPACE',
      { expected: 'gateway/prod', found: 'gateway/dev' },
    ],
    ['that begins later', { notBefore: now + 1 }, {}, 'APPROVAL_NOT_YET', { notBefore: now + 1, now }],
    ['that ended', { expires: now }, {}, 'APPROVAL_EXPIRED', { expires: now, now }],
    [
      'in a role the person has not',
      { role: 'security' },
      {},
      'APPROVAL_ROLE',
      { person: 'manager-1', role: 'security' },
    ],
    ['by a revoked key', {}, { revoked: new Map([[keyId, 1]]) }, 'KEY_REVOKED', { keyId }],
    ['by an algorithm the root dropped', {}, { allowed: [-9] }, 'ALGORITHM_NOT_ALLOWED', { alg: -19 }],
    ['by somebody who left', {}, { now: notAfter }, 'KEY_NOT_ACTIVE', { keyId, notBefore: 0, notAfter, now: notAfter }],
  ]
  it.each(table)('is refused %s', async (_, change, inContext, code, detail) => {
    const bytes = await approvalBy('manager-1', change)
    expect(refusedBy(() => checkApproval(bytes, request, { ...context, ...inContext }))).toEqual({ code, detail })
  })

  it('is refused by a key that is nobody’s, by the requester, and under another label', async () => {
    const stranger = makeSoftKey()
    const payload = encodeApproval({
      namespace: fixture.namespace,
      operation: 'sign',
      subjectSha256,
      requestId: 'r-1',
      notBefore: now,
      expires: now + 60,
      policyVersion: 1,
      role: 'release-manager',
      image,
    })
    const byStranger = await buildSign1(stranger, payload, labelOf('approval'))
    expect(refusedBy(() => checkApproval(byStranger, request, context))).toEqual({
      code: 'APPROVER_UNKNOWN',
      detail: { keyId: stranger.keyIdHex },
    })
    const byRequester = await approvalBy('manager-1')
    expect(refusedBy(() => checkApproval(byRequester, { ...request, requester: 'manager-1' }, context))).toEqual({
      code: 'APPROVER_IS_REQUESTER',
      detail: { person: 'manager-1' },
    })
    const asSubmission = await buildSign1(fixture.person('manager-1'), payload, labelOf('submission'))
    expect(refusedBy(() => checkApproval(asSubmission, request, context))).toEqual({
      code: 'SIGNATURE_INVALID',
      detail: { keyId },
    })
  })
})

describe('the quorum', () => {
  it('is met by two persons of the role', async () => {
    const checked = requireQuorum([await approvalBy('manager-1'), await approvalBy('manager-2')], request, context)
    expect(checked.map(({ person }) => person)).toEqual(['manager-1', 'manager-2'])
  })

  it.each([
    ['no approval', [], 'APPROVALS_MISSING', { operation: 'sign' }],
    ['one person', ['manager-1'], 'QUORUM_NOT_MET', { operation: 'sign' }],
    ['one person twice', ['manager-1', 'manager-1'], 'APPROVER_REPEATED', { person: 'manager-1' }],
    ['persons of other roles', ['manager-1', 'security-1', 'engineer-2'], 'QUORUM_NOT_MET', { operation: 'sign' }],
    [
      'the requester among enough others',
      ['manager-1', 'manager-2', 'engineer-1'],
      'APPROVER_IS_REQUESTER',
      { person: 'engineer-1' },
    ],
  ] as [string, string[], string, object][])('is not met by %s', async (_, persons, code, detail) => {
    const approvals = await Promise.all(persons.map((person) => approvalBy(person)))
    expect(refusedBy(() => requireQuorum(approvals, request, context))).toEqual({ code, detail })
  })

  it('counts a person with two keys once', async () => {
    const second = makeSoftKey()
    const holder = policy.persons.get('manager-1')
    if (holder === undefined) throw new Error('no such person')
    const persons = new Map(policy.persons).set('manager-1', { ...holder, keys: [...holder.keys, second.key] })
    const payload = encodeApproval({
      ...{ namespace: fixture.namespace, operation: 'sign', subjectSha256, requestId: 'r-1', image },
      ...{ notBefore: now - 1, expires: now + 60, policyVersion: 1, role: 'release-manager' },
    })
    const approvals = [await approvalBy('manager-1'), await buildSign1(second, payload, labelOf('approval'))]
    const inContext = { ...context, policy: { ...policy, persons } }
    expect(refusedBy(() => requireQuorum(approvals, request, inContext))).toEqual({
      code: 'APPROVER_REPEATED',
      detail: { person: 'manager-1' },
    })
  })

  it('is refused where the policy names none, and may be another where the caller says so', async () => {
    const approvals = [await approvalBy('security-1')]
    const inContext = { ...context, policy: { ...policy, quorums: new Map() } }
    expect(refusedBy(() => requireQuorum(approvals, request, inContext))).toEqual({
      code: 'QUORUM_UNDEFINED',
      detail: { operation: 'sign' },
    })
    expect(requireQuorum(approvals, request, context, '1 of security')).toHaveLength(1)
  })

  it('does not pass over an approval that is refused, though the others would do', async () => {
    const late = await approvalBy('security-1', { expires: now })
    const approvals = [await approvalBy('manager-1'), await approvalBy('manager-2'), late]
    expect(refusedBy(() => requireQuorum(approvals, request, context)).code).toBe('APPROVAL_EXPIRED')
  })
})
