import { sha256 } from '../../../../src/domain/bytes.js'
import { encodeApproval } from '../../../../src/domain/trust/approval.js'
import { encodeSubmission } from '../../../../src/domain/trust/submission.js'
import { imageOf } from '../../../support/signer-fixture.js'
import { makeSoftKey } from '../../../support/soft-key.js'
import { CLASS_ID } from '../../../support/trust-fixture.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import { signPayload } from '../../thief.js'

const PERSON = 'src/domain/trust/person-signature.ts'
/** A build system whose attestations the policy has read: the most that a machine can be. */
const machine = makeSoftKey()
const fixture: SignerAttack['fixture'] = {
  policy: () => ({ builders: new Map([[machine.keyIdHex, { key: machine.key, name: 'ci-1' }]]) }),
}
/** Takes whoever is in no person's place for that person. */
const guardOf = (person: string): SignerAttack['guard'] =>
  without(
    PERSON,
    'if (found === null) throw',
    `if (found === null) return { payload: parsed.payload ?? bytes, person: policy.persons.get('${person}') as Person, keyId }\n  if (found === null) throw`,
  )

/** Machine identities request, and never submit or approve (checks 5 and 12). */
export const machineAttacks: readonly SignerAttack[] = [
  {
    name: 'machine-submits',
    threat: 'row 5',
    does: 'submits an image with the key of a build system that the policy lists',
    fixture,
    run: (scene) =>
      scene.sign({}, async (request) => ({
        ...request,
        submission: await signPayload(
          machine,
          'submission',
          encodeSubmission({
            namespace: scene.trust.namespace,
            imageSha256: sha256(imageOf(1)),
            imageSizeBytes: imageOf(1).length,
            version: '1.1.0',
            classId: CLASS_ID,
            requestId: request.requestId,
            time: scene.now - 5,
          }),
        ),
      })),
    expected: { step: 5, code: 'SUBMITTER_UNKNOWN' },
    guard: guardOf('engineer-1'),
  },
  {
    name: 'machine-approves',
    threat: 'row 4',
    does: 'adds the approval of a build system that the policy lists to that of one release manager',
    fixture,
    run: (scene) =>
      scene.sign({}, async (request) => {
        const [first = new Uint8Array(0)] = request.approvals
        const second = await signPayload(machine, 'approval', encodeApproval(scene.approvalOf(request)))
        return { ...request, approvals: [first, second] }
      }),
    expected: { step: 12, code: 'APPROVER_UNKNOWN' },
    guard: guardOf('manager-2'),
  },
]
