import { sha256 } from '../../../../src/domain/bytes.js'
import { encodeSubmission } from '../../../../src/domain/trust/submission.js'
import { imageOf } from '../../../support/signer-fixture.js'
import { makeSoftKey } from '../../../support/soft-key.js'
import { CLASS_ID } from '../../../support/trust-fixture.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import { judge } from '../../signer-verdict.js'
import type { SignerScene } from '../../signer-scene.js'
import { signPayload } from '../../thief.js'

const SUBMISSION = 'src/domain/trust/check-submission.ts'
const PERSON = 'src/domain/trust/person-signature.ts'
const IMAGE = 'src/signer/checks/image.check.ts'

/** What engineer-1 says of image 1 and request `requestId`. */
const about = (scene: SignerScene, requestId: string): Uint8Array =>
  encodeSubmission({
    namespace: scene.trust.namespace,
    imageSha256: sha256(imageOf(1)),
    imageSizeBytes: imageOf(1).length,
    version: '1.1.0',
    classId: CLASS_ID,
    requestId,
    time: scene.now - 5,
  })

/** Checks 5 and 6, and what check 7 holds against the submission: the upload on its way to the approvers (row 5). */
export const submissionAttacks: readonly SignerAttack[] = [
  {
    name: 'submission-by-an-approver',
    threat: 'row 4',
    does: 'submits an image with the key of a security officer, who is no engineer',
    run: (scene) => scene.sign({ submitter: 'security-1' }),
    expected: { step: 5, code: 'SUBMITTER_UNKNOWN' },
    guard: without(SUBMISSION, "if (!person.roles.includes('engineer'))", 'if (false)'),
  },
  {
    name: 'submission-by-a-stranger',
    threat: 'row 5',
    does: 'submits an image with a key of their own',
    run: (scene) =>
      scene.sign({}, async (request) => ({
        ...request,
        submission: await signPayload(makeSoftKey(), 'submission', about(scene, request.requestId)),
      })),
    expected: { step: 5, code: 'SUBMITTER_UNKNOWN' },
    guard: without(
      PERSON,
      'if (found === null) throw',
      "if (found === null) return { payload: parsed.payload ?? bytes, person: policy.persons.get('engineer-1') as Person, keyId }\n  if (found === null) throw",
    ),
  },
  {
    name: 'submission-with-a-borrowed-signature',
    threat: 'row 5',
    does: "puts another image into an engineer's submission and keeps the signature",
    run: (scene) =>
      scene.sign({}, (request) => {
        const submission = request.submission.slice()
        submission[submission.length - 1] = (submission.at(-1) ?? 0) ^ 1
        return { ...request, submission }
      }),
    expected: { step: 5, code: 'SIGNATURE_INVALID' },
    guard: without('src/domain/cose/verify.ts', '!algorithm.verify(pinned.key, message, claimed.signature)', 'false'),
  },
  {
    name: 'approval-key-as-submission',
    threat: 'row 18',
    does: 'takes what an engineer signed as a document of another kind for a submission',
    run: (scene) =>
      scene.sign({}, async (request) => ({
        ...request,
        submission: await signPayload(scene.trust.person('engineer-1'), 'report', about(scene, request.requestId)),
      })),
    expected: { step: 5, code: 'SIGNATURE_INVALID' },
    guard: without('src/domain/trust/labels.ts', 'utf8(`countersign/${kind}/v1`)', "utf8('countersign')"),
  },
  {
    name: 'submission-for-another-namespace',
    threat: 'row 13',
    does: 'takes what the engineer submitted for the development environment to production',
    run: (scene) => scene.sign({ submission: { namespace: 'gateway/dev' } }),
    expected: { step: 5, code: 'WRONG_NAMESPACE' },
    guard: without(SUBMISSION, 'if (submission.namespace !== policy.namespace)', 'if (false)'),
  },
  {
    name: 'submission-by-a-revoked-engineer',
    threat: 'row 4',
    does: 'submits with the key of an engineer that a KRL revokes',
    run: async (scene) => {
      await scene.releaseSigner()
      const keyId = scene.trust.person('engineer-1').keyIdHex
      await scene.signKrl({ keys: [{ keyId, reason: 1, time: scene.now }] })
      return scene.sign()
    },
    expected: { step: 5, code: 'KEY_REVOKED' },
    guard: without(PERSON, 'if (revoked.has(keyId))', 'if (false)'),
  },
  {
    name: 'submission-by-somebody-who-left',
    threat: 'row 4',
    does: "submits with an engineer's key a year after the policy stops knowing them",
    fixture: {
      policy: ({ persons }) => ({
        persons: new Map([...persons].map(([name, person]) => [name, { ...person, notAfter: 1_800_000_050 }])),
      }),
    },
    run: async (scene) => {
      await scene.releaseSigner()
      scene.pass(50)
      return scene.sign()
    },
    expected: { step: 5, code: 'KEY_NOT_ACTIVE' },
    guard: without(PERSON, 'if (now >= person.notAfter)', 'if (false)'),
  },
  {
    name: 'image-that-nobody-hashed',
    threat: 'row 5',
    does: 'gives a digest and never the bytes',
    run: (scene) => scene.sign({ image: imageOf(99) }),
    expected: { step: 6, code: 'IMAGE_UNKNOWN' },
    guard: without(
      IMAGE,
      'if (knownSizeBytes === null) throw',
      'if (knownSizeBytes === null) return\n  if (knownSizeBytes === null) throw',
    ),
  },
  {
    name: 'image-of-another-size',
    threat: 'row 5',
    does: 'announces more bytes than the image has, so that devices read past its end',
    run: (scene) => scene.sign({ manifest: { imageSizeBytes: 5_000 }, submission: { imageSizeBytes: 5_000 } }),
    expected: { step: 6, code: 'IMAGE_MISMATCH' },
    guard: without(IMAGE, 'if (knownSizeBytes !== submission.imageSizeBytes)', 'if (false)'),
  },
  {
    name: 'image-beyond-the-bound',
    threat: 'row 3',
    does: 'has an image signed that the policy no longer allows, hashed while it still did',
    run: async (scene) => {
      await scene.must(scene.bring({}))
      scene.fixture.policyHeld = await scene.trust.nextPolicy({ limits: { maxImageBytes: 4_000 } })
      return scene.sign()
    },
    expected: { step: 6, code: 'IMAGE_TOO_LARGE' },
    guard: without(IMAGE, 'if (limitBytes !== undefined && knownSizeBytes > limitBytes)', 'if (false)'),
  },
  {
    name: 'endless-image',
    threat: 'row 3',
    does: 'sends an image of any size for the signer to hash',
    fixture: { policy: { limits: { maxImageBytes: 5_000 } } },
    run: async (scene) => {
      await scene.releaseSigner()
      return judge(scene.hash(2, 5_001))
    },
    expected: { step: 6, code: 'IMAGE_TOO_LARGE' },
    guard: without('src/signer/release/image-intake.ts', 'if (imageSizeBytes > limit)', 'if (false)'),
  },
  {
    name: 'swapped-upload',
    threat: 'row 5',
    does: "has another image hashed and approved than the one that the engineer's own signature is about",
    run: async (scene) => {
      await scene.releaseSigner()
      await scene.hash(2)
      return scene.sign({ manifest: { imageSha256: sha256(imageOf(2)) } })
    },
    expected: { step: 7, code: 'SUBMISSION_MISMATCH' },
    guard: without(SUBMISSION, "requireSame('imageSha256', equalBytes(submission.imageSha256, manifest.imageSha256))"),
  },
  {
    name: 'submission-of-another-request',
    threat: 'row 3',
    does: "signs an engineer's image a second time, under a request that they did not make",
    run: (scene) => scene.sign({ submission: { requestId: 'another' } }),
    expected: { step: 7, code: 'SUBMISSION_MISMATCH' },
    guard: without(SUBMISSION, "requireSame('requestId', submission.requestId === requestId)"),
  },
  {
    name: 'submission-of-another-version',
    threat: 'row 12',
    does: 'calls the image a higher version than the engineer did',
    run: (scene) => scene.sign({ submission: { version: '1.0.0' } }),
    expected: { step: 7, code: 'SUBMISSION_MISMATCH' },
    guard: without(SUBMISSION, "requireSame('version', submission.version === manifest.version)"),
  },
  {
    name: 'submission-for-another-class',
    threat: 'row 13',
    does: 'signs an image for another class of devices than the engineer built it for',
    run: (scene) => scene.sign({ submission: { classId: new Uint8Array(16) } }),
    expected: { step: 7, code: 'SUBMISSION_MISMATCH' },
    guard: without(SUBMISSION, "requireSame('classId', equalBytes(submission.classId, manifest.classId))"),
  },
  {
    name: 'submission-of-another-size',
    threat: 'row 5',
    does: 'cuts the image short in the manifest',
    run: (scene) => scene.sign({ manifest: { imageSizeBytes: 4_000 } }),
    expected: { step: 7, code: 'SUBMISSION_MISMATCH' },
    guard: without(SUBMISSION, "requireSame('imageSizeBytes', submission.imageSizeBytes === manifest.imageSizeBytes)"),
  },
]
