import { sha256, toHex, utf8 } from '../../../../src/domain/bytes.js'
import { encodeCbor } from '../../../../src/domain/cbor/encode.js'
import { classIdOf, vendorIdOf } from '../../../../src/domain/suit/identifiers.js'
import { encodeText } from '../../../../src/domain/suit/text.js'
import { CLASS_ID, VENDOR_ID } from '../../../support/trust-fixture.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import { respun } from '../../thief.js'

const MANIFEST = 'src/signer/checks/manifest.check.ts'
const SEQUENCE = 'src/signer/checks/sequence.check.ts'
const RE_SIGN = 'src/signer/checks/re-sign.check.ts'
const anotherClass = classIdOf(VENDOR_ID, 'gateway', 'rev-b', 'dev')

/** Checks 7 to 9 of a release: what it says, for whom, and its place in the order. */
export const manifestAttacks: readonly SignerAttack[] = [
  {
    name: 'manifest-with-a-command-more',
    threat: 'row 2',
    does: 'adds a member to the manifest that people were not shown',
    run: (scene) =>
      scene.sign({}, (request) => ({ ...request, manifest: respun(request.manifest, 24, () => encodeCbor([])) })),
    expected: { step: 7, code: 'MANIFEST_TEMPLATE' },
    unguarded: { step: 12, code: 'APPROVAL_MISMATCH' },
    guard: without('src/domain/suit/manifest.ts', 'if (!equalBytes(encodeManifest(manifest), bytes))', 'if (false)'),
  },
  {
    name: 'manifest-with-another-text',
    threat: 'row 2',
    does: 'has another text travel with the release than the one people read',
    run: (scene) => scene.sign({}, (request) => ({ ...request, text: encodeText({ description: 'another' }) })),
    expected: { step: 7, code: 'DIGEST_MISMATCH' },
    guard: without(MANIFEST, 'if (!equalBytes(manifest.textSha256, found))', 'if (false)'),
  },
  {
    name: 'manifest-of-another-vendor',
    threat: 'row 13',
    does: "has a release signed for another vendor's devices",
    run: (scene) => scene.sign({ manifest: { vendorId: vendorIdOf('other.example') } }),
    expected: { step: 7, code: 'WRONG_VENDOR' },
    guard: without(MANIFEST, 'if (!equalBytes(manifest.vendorId, policy.vendorId))', 'if (false)'),
  },
  {
    name: 'manifest-of-another-class',
    threat: 'row 13',
    does: 'has a release signed for a class of devices that is not in this namespace',
    run: (scene) => scene.sign({ manifest: { classId: anotherClass }, submission: { classId: anotherClass } }),
    expected: { step: 7, code: 'WRONG_CLASS' },
    guard: without(MANIFEST, 'if (!policy.classes.has(classId))', 'if (false)'),
  },
  {
    name: 'manifest-of-another-component',
    threat: 'row 13',
    does: 'has a release signed for a component that the class does not have',
    fixture: { policy: { classes: new Map([[toHex(CLASS_ID), [[Uint8Array.of(1)]]]]) } },
    run: (scene) => scene.sign(),
    expected: { step: 7, code: 'WRONG_COMPONENT' },
    guard: without(MANIFEST, 'if (!hasComponent(policy, classId))', 'if (false)'),
  },
  {
    name: 'sequence-again',
    threat: 'row 10',
    does: 'has another image signed under a sequence that is taken',
    run: async (scene) => {
      await scene.signRelease(1)
      return scene.sign({ sequence: 1 })
    },
    expected: { step: 9, code: 'SEQUENCE_OVERTAKEN' },
    guard: without(SEQUENCE, 'if (offered <= highest)', 'if (false)'),
  },
  {
    name: 'sequence-below-the-floor',
    threat: 'row 10',
    does: 'has a release signed below the floor of the root, on a signer that has signed nothing yet',
    fixture: { root: { floors: new Map([[toHex(CLASS_ID), 7]]) } },
    run: (scene) => scene.sign({ sequence: 6 }),
    expected: { step: 9, code: 'SEQUENCE_OVERTAKEN' },
    guard: without(
      'src/signer/release/sign-checks.ts',
      'Math.max(ledger.sequences.get(classId) ?? 0, floorOf(state, classId) - 1)',
      'ledger.sequences.get(classId) ?? 0',
    ),
  },
  {
    name: 'sequence-pushed-to-the-top',
    threat: 'row 12',
    does: 'has the highest sequence of all signed, which leaves no number for any release after it',
    run: (scene) => {
      const version = { version: '9.9.9' }
      return scene.sign({ sequence: Number.MAX_SAFE_INTEGER, manifest: version, submission: version })
    },
    expected: { step: 9, code: 'SEQUENCE_JUMP' },
    guard: without(SEQUENCE, 'if (offered > limit)', 'if (false)'),
  },
  {
    name: 're-signature-of-something-new',
    threat: 'row 3',
    does: 'passes a manifest that was never signed off as one that only needs a newer signature',
    run: async (scene) => scene.reSign(await scene.fixture.signRequest(5)),
    expected: { step: 9, code: 'RELEASE_UNKNOWN' },
    guard: without(
      RE_SIGN,
      'if (signed === null) throw',
      "if (signed === null) return { keyId: '', requester: '' }\n  if (signed === null) throw",
    ),
  },
  {
    name: 're-signature-of-a-withdrawn-release',
    threat: 'row 10',
    does: 'brings a release back that a KRL has withdrawn',
    run: async (scene) => {
      const was = await scene.signRelease()
      await scene.signKrl({ manifests: [{ digest: toHex(was.digest), reason: 1 }] })
      return scene.reSign(was)
    },
    expected: { step: 9, code: 'MANIFEST_REVOKED' },
    unguarded: { step: 9, code: 'KEY_NOT_NEWER' },
    guard: without(RE_SIGN, 'if (state.krl?.manifests.has(digest) === true)', 'if (false)'),
  },
  {
    name: 're-signature-below-the-floor',
    threat: 'row 10',
    does: 'has a release signed again that a floor has closed',
    run: async (scene) => {
      const was = await scene.signRelease(1)
      await scene.signRelease(2)
      await scene.signKrl({ floors: new Map([[toHex(CLASS_ID), 2]]) })
      return scene.reSign(was)
    },
    expected: { step: 9, code: 'SEQUENCE_OVERTAKEN' },
    unguarded: { step: 9, code: 'KEY_NOT_NEWER' },
    guard: without('src/signer/release/re-sign-checks.ts', 'if (sequence < floor)', 'if (false)'),
  },
  {
    name: 're-signature-by-the-same-key',
    threat: 'row 3',
    does: 'has the same key sign again what it signed, as often as it likes',
    run: async (scene) => scene.reSign(await scene.signRelease()),
    expected: { step: 9, code: 'KEY_NOT_NEWER' },
    guard: without(
      RE_SIGN,
      'if (key.keyId === signedWith || (before !== undefined && key.notBefore <= before.notBefore))',
      'if (false)',
    ),
  },
  {
    name: 're-signature-with-another-text',
    threat: 'row 2',
    does: 'publishes an old release again under a text that nobody approved',
    run: async (scene) => scene.reSign(await scene.signRelease(), {}, { text: encodeText({ description: 'another' }) }),
    expected: { step: 7, code: 'DIGEST_MISMATCH' },
    unguarded: { step: 9, code: 'KEY_NOT_NEWER' },
    guard: without(
      'src/signer/release/re-sign-checks.ts',
      'if (!equalBytes(manifest.textSha256, found))',
      'if (false)',
    ),
  },
  {
    name: 'manifest-changed-after-approval',
    threat: 'row 2',
    does: 'shows people one manifest and gives the signer another one about the same image',
    run: (scene) => scene.sign({ approval: { subjectSha256: sha256(utf8('what people saw')) } }),
    expected: { step: 12, code: 'APPROVAL_MISMATCH' },
    guard: without(
      'src/domain/trust/check-approvals.ts',
      "requireSame('subject', equalBytes(approval.subjectSha256, request.subjectSha256))",
    ),
  },
]
