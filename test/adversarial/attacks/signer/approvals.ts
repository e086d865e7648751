import { sha256, utf8 } from '../../../../src/domain/bytes.js'
import { encodeApproval, type Approval } from '../../../../src/domain/trust/approval.js'
import type { SignRequest } from '../../../support/signer-fixture.js'
import { makeP256Key, makeSoftKey } from '../../../support/soft-key.js'
import { withRoles } from '../../../support/trust-fixture.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import { race } from '../../signer-verdict.js'
import { signPayload } from '../../thief.js'

const APPROVALS = 'src/domain/trust/check-approvals.ts'
const PERSON = 'src/domain/trust/person-signature.ts'
const QUORUM = without(APPROVALS, 'if (!isQuorumMet(parseQuorum(expression), roles))', 'if (false)')
const otherKey = makeP256Key()
type Asked = Omit<SignRequest, 'operation'>

/** One approval is good, the other one is this one. */
async function withSecond(request: Asked, second: Promise<Uint8Array>): Promise<Asked> {
  const [first = new Uint8Array(0)] = request.approvals
  return { ...request, approvals: [first, await second] }
}

function withForgedApproval(request: Asked): Asked {
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = request.approvals
  return { ...request, approvals: [first, second.with(second.length - 1, (second.at(-1) ?? 0) ^ 1)] }
}

/** Approvals whose member says something else than the request. */
const mismatch = (
  name: string,
  does: string,
  approval: Partial<Approval>,
  guard: SignerAttack['guard'],
): SignerAttack => ({
  name,
  threat: 'row 3',
  does,
  run: (scene) => scene.sign({ approval }),
  expected: { step: 12, code: 'APPROVAL_MISMATCH' },
  guard,
})

/** Check 12: who approved what. */
export const approvalAttacks: readonly SignerAttack[] = [
  {
    name: 'nobody-approves',
    threat: 'row 2',
    does: 'asks without any approval',
    run: (scene) => scene.sign({ approvers: [] }),
    expected: { step: 12, code: 'APPROVALS_MISSING' },
    unguarded: { step: 12, code: 'QUORUM_NOT_MET' },
    guard: without(APPROVALS, 'if (approvals.length === 0)', 'if (false)'),
  },
  {
    name: 'one-manager-of-two',
    threat: 'row 4',
    does: 'approves with the stolen key of one release manager where two are needed',
    run: (scene) => scene.sign({ approvers: ['manager-1'] }),
    expected: { step: 12, code: 'QUORUM_NOT_MET' },
    guard: QUORUM,
  },
  {
    name: 'one-manager-twice',
    threat: 'row 4',
    does: 'gives one approval twice',
    run: (scene) => scene.sign({ approvers: ['manager-1', 'manager-1'] }),
    expected: { step: 12, code: 'APPROVER_REPEATED' },
    guard: without(APPROVALS, 'if (persons.has(person))', 'if (false)'),
  },
  {
    name: 'one-manager-with-two-keys',
    threat: 'row 4',
    does: 'approves with both keys of one release manager, whose laptop and token were stolen',
    fixture: {
      policy: ({ persons }) => {
        const [one, two] = [persons.get('manager-1'), persons.get('manager-2')]
        if (one === undefined || two === undefined) throw new Error('no managers')
        const left = new Map(persons)
        left.delete('manager-2')
        return { persons: left.set('manager-1', { ...one, keys: [...one.keys, ...two.keys] }) }
      },
    },
    run: (scene) => scene.sign(),
    expected: { step: 12, code: 'APPROVER_REPEATED' },
    guard: without(APPROVALS, 'if (persons.has(person))', 'if (false)'),
  },
  {
    name: 'engineer-approves-themselves',
    threat: 'row 4',
    does: 'submits and approves as one person, who is engineer and release manager',
    fixture: { policy: (policy) => withRoles(policy, 'manager-1', ['release-manager', 'engineer']) },
    run: (scene) => scene.sign({ submitter: 'manager-1' }),
    expected: { step: 12, code: 'APPROVER_IS_REQUESTER' },
    guard: without(APPROVALS, 'if (person.name === request.requester)', 'if (false)'),
  },
  {
    name: 'approvals-of-another-role',
    threat: 'row 4',
    does: 'approves a release with two keys of security officers',
    run: (scene) => scene.sign({ approvers: ['security-1', 'security-2'] }),
    expected: { step: 12, code: 'QUORUM_NOT_MET' },
    guard: without('src/domain/trust/quorum.ts', 'approved === role', 'true'),
  },
  {
    name: 'claimed-role',
    threat: 'row 4',
    does: 'calls a security officer a release manager in the approval',
    run: (scene) => scene.sign({ approvers: ['security-1', 'security-2'], approval: { role: 'release-manager' } }),
    expected: { step: 12, code: 'APPROVAL_ROLE' },
    guard: without(APPROVALS, 'if (!person.roles.includes(approval.role))', 'if (false)'),
  },
  {
    name: 'approval-by-a-stranger',
    threat: 'row 4',
    does: 'adds an approval by a key that no person of the policy has: that of a machine, or their own',
    run: (scene) =>
      scene.sign({}, (request) =>
        withSecond(request, signPayload(makeSoftKey(), 'approval', encodeApproval(scene.approvalOf(request)))),
      ),
    expected: { step: 12, code: 'APPROVER_UNKNOWN' },
    guard: without(
      PERSON,
      'if (found === null) throw',
      "if (found === null) return { payload: parsed.payload ?? bytes, person: policy.persons.get('manager-2') as Person, keyId }\n  if (found === null) throw",
    ),
  },
  {
    name: 'approval-with-a-borrowed-signature',
    threat: 'row 4',
    does: 'changes an approval of a manager and keeps their signature',
    run: (scene) => scene.sign({}, withForgedApproval),
    expected: { step: 12, code: 'SIGNATURE_INVALID' },
    guard: without('src/domain/cose/verify.ts', '!algorithm.verify(pinned.key, message, claimed.signature)', 'false'),
  },
  {
    name: 'approval-forged-in-a-crowd',
    threat: 'row 4',
    does: 'sends it while others wait, when other threads verify before the checks begin',
    run: async (scene) => {
      await scene.releaseSigner()
      return race(
        0,
        Array.from({ length: 4 }, () => scene.sign({}, withForgedApproval)),
      )
    },
    expected: { step: 12, code: 'SIGNATURE_INVALID' },
    guard: without(
      'src/signer/release/verify-ahead.ts',
      'questions.filter((_, index) => answers[index] === true)',
      'questions',
    ),
  },
  {
    name: 'submission-as-an-approval',
    threat: 'row 18',
    does: 'takes what a manager signed as a document of another kind for their approval',
    run: (scene) =>
      scene.sign({}, (request) => {
        const key = scene.trust.person('manager-2')
        return withSecond(request, signPayload(key, 'submission', encodeApproval(scene.approvalOf(request))))
      }),
    expected: { step: 12, code: 'SIGNATURE_INVALID' },
    guard: without('src/domain/trust/labels.ts', 'utf8(`countersign/${kind}/v1`)', "utf8('countersign')"),
  },
  {
    name: 'approval-by-a-revoked-manager',
    threat: 'row 4',
    does: 'approves with a key that a KRL revokes',
    run: async (scene) => {
      await scene.releaseSigner()
      await scene.signKrl({ keys: [{ keyId: scene.trust.person('manager-2').keyIdHex, reason: 1, time: scene.now }] })
      return scene.sign()
    },
    expected: { step: 12, code: 'KEY_REVOKED' },
    guard: without(PERSON, 'if (revoked.has(keyId))', 'if (false)'),
  },
  {
    name: 'approval-by-a-manager-who-left',
    threat: 'row 4',
    does: 'approves with the key of a manager after the policy stops knowing them',
    fixture: {
      policy: ({ persons }) => {
        const person = persons.get('manager-2')
        if (person === undefined) throw new Error('no manager')
        return { persons: new Map(persons).set('manager-2', { ...person, notAfter: 1_800_000_050 }) }
      },
    },
    run: async (scene) => {
      await scene.releaseSigner()
      scene.pass(50)
      return scene.sign()
    },
    expected: { step: 12, code: 'KEY_NOT_ACTIVE' },
    guard: without(PERSON, 'if (now >= person.notAfter)', 'if (false)'),
  },
  {
    name: 'approval-for-another-namespace',
    threat: 'row 13',
    does: 'takes the approvals that the same people gave for the development environment',
    run: (scene) => scene.sign({ approval: { namespace: 'gateway/dev' } }),
    expected: { step: 12, code: 'WRONG_NAMESPACE' },
    guard: without(APPROVALS, 'if (approval.namespace !== policy.namespace)', 'if (false)'),
  },
  mismatch(
    'approval-of-another-manifest',
    'takes approvals of one manifest for another one about the same image',
    { subjectSha256: sha256(utf8('another manifest')) },
    without(APPROVALS, "requireSame('subject', equalBytes(approval.subjectSha256, request.subjectSha256))"),
  ),
  mismatch(
    'approval-of-another-request',
    'takes approvals that belong to a request which was refused',
    { requestId: 'another' },
    without(APPROVALS, "requireSame('requestId', approval.requestId === request.requestId)"),
  ),
  mismatch(
    'approval-under-another-policy',
    'takes approvals that were given under other rules',
    { policyVersion: 2 },
    without(APPROVALS, "requireSame('policyVersion', approval.policyVersion === policy.version)"),
  ),
  mismatch(
    'approval-of-a-re-signature',
    'takes approvals to sign a release again for those to sign it',
    { operation: 're-sign' },
    without(APPROVALS, "requireSame('operation', approval.operation === request.operation)"),
  ),
  mismatch(
    'approval-for-ever',
    'keeps an approval that lives longer than the policy lets any live',
    { expires: 1_900_000_000 },
    without(APPROVALS, 'if (life !== undefined && approval.expires - approval.notBefore > life)', 'if (false)'),
  ),
  {
    name: 'approval-that-ended',
    threat: 'row 3',
    does: 'keeps approvals until after their end',
    run: (scene) => scene.sign({ approval: { notBefore: scene.now - 3_600, expires: scene.now } }),
    expected: { step: 12, code: 'APPROVAL_EXPIRED' },
    guard: without(APPROVALS, 'if (now >= approval.expires)', 'if (false)'),
  },
  {
    name: 'approval-before-its-time',
    threat: 'row 3',
    does: 'signs on the day before the one that people approved',
    run: (scene) => scene.sign({ approval: { notBefore: scene.now + 1 } }),
    expected: { step: 12, code: 'APPROVAL_NOT_YET' },
    guard: without(APPROVALS, 'if (now < approval.notBefore)', 'if (false)'),
  },
  {
    name: 'approval-by-an-algorithm-not-allowed',
    threat: 'row 18',
    does: 'approves with a key of an algorithm that the root does not list',
    fixture: {
      policy: ({ persons }) => {
        const person = persons.get('manager-2')
        if (person === undefined) throw new Error('no manager')
        return { persons: new Map(persons).set('manager-2', { ...person, keys: [otherKey.key] }) }
      },
    },
    run: (scene) =>
      scene.sign({}, (request) =>
        withSecond(request, signPayload(otherKey, 'approval', encodeApproval(scene.approvalOf(request)))),
      ),
    expected: { step: 12, code: 'ALGORITHM_NOT_ALLOWED' },
    guard: without(PERSON, 'if (!allowed.includes(alg))', 'if (false)'),
  },
]
