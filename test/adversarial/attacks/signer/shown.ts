import { sha256, utf8 } from '../../../../src/domain/bytes.js'
import type { ApprovedImage } from '../../../../src/domain/trust/approval.js'
import { without, type SignerAttack } from '../../signer-attack.js'

const APPROVALS = 'src/domain/trust/check-approvals.ts'
const MANAGERS = ['manager-1', 'manager-2']

/** Approvals that show people something else than what is signed, in one member. */
const shownOtherwise = (name: string, does: string, change: Partial<ApprovedImage>, find: string): SignerAttack => ({
  name,
  threat: 'row 2',
  does,
  run: (scene) =>
    scene.sign({}, async (request) => {
      const { image, ...rest } = scene.approvalOf(request)
      if (image === undefined) throw new Error('no image')
      const fields = { ...rest, image: { ...image, ...change } }
      return { ...request, approvals: await scene.approve(MANAGERS, fields) }
    }),
  expected: { step: 12, code: 'APPROVAL_MISMATCH' },
  guard: without(APPROVALS, find),
})

/** Check 12: what people were shown (row 2). */
export const shownAttacks: readonly SignerAttack[] = [
  shownOtherwise(
    'people-saw-another-image',
    'shows people the digest of another image',
    { imageSha256: sha256(utf8('shown')) },
    "requireSame('imageSha256', approval.image !== undefined && equalBytes(approval.image.imageSha256, image.imageSha256))",
  ),
  shownOtherwise(
    'people-saw-another-size',
    'shows people another size',
    { imageSizeBytes: 1 },
    "requireSame('imageSizeBytes', approval.image?.imageSizeBytes === image.imageSizeBytes)",
  ),
  shownOtherwise(
    'people-saw-another-sequence',
    'shows people a low sequence and signs a high one',
    { sequence: 2 },
    "requireSame('sequence', approval.image?.sequence === image.sequence)",
  ),
  shownOtherwise(
    'people-saw-another-class',
    'shows people the class of test devices',
    { classId: new Uint8Array(16) },
    "requireSame('classId', approval.image !== undefined && equalBytes(approval.image.classId, image.classId))",
  ),
  shownOtherwise(
    'people-saw-another-version',
    'shows people the version that they wait for',
    { version: '9.9.9' },
    "requireSame('version', approval.image?.version === image.version)",
  ),
]
