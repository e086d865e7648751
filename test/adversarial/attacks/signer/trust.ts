import { toHex } from '../../../../src/domain/bytes.js'
import { makeSoftKey } from '../../../support/soft-key.js'
import { signPolicy, TrustFixture } from '../../../support/trust-fixture.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import type { SignerScene } from '../../signer-scene.js'
import { rootListing } from '../../thief.js'

const OPEN_POLICY = 'src/domain/trust/open-policy.ts'
const THRESHOLD = without('src/domain/trust/signed-document.ts', 'if (counted < needed)', 'if (false)')
const EACH_COUNTED = without(OPEN_POLICY, "opened.requireEachCounted('policy')")

/** Asks for a release and brings a policy with it. */
async function signUnder(scene: SignerScene, policy: Uint8Array): Promise<ReturnType<SignerScene['sign']>> {
  return scene.sign({}, (request) => ({ ...request, trust: scene.fixture.courier({ policy }) }))
}

/** Check 3: root and policy, from whoever brings them. */
export const trustAttacks: readonly SignerAttack[] = [
  {
    name: 'policy-of-one-holder',
    threat: 'row 4',
    does: 'writes a policy in which anybody may sign, with one of two policy keys',
    run: async (scene) => {
      const { policy, policyKeys } = scene.trust
      return signUnder(scene, await signPolicy({ ...policy, version: 2, limits: {} }, policyKeys.slice(0, 1)))
    },
    expected: { step: 3, code: 'THRESHOLD_NOT_MET' },
    unguarded: { step: 12, code: 'APPROVAL_MISMATCH' },
    guard: THRESHOLD,
  },
  {
    name: 'policy-of-strangers',
    threat: 'row 2',
    does: 'writes a policy with keys of their own',
    run: async (scene) => {
      const stranger = await TrustFixture.make({ now: scene.now })
      return signUnder(scene, await signPolicy({ ...scene.trust.policy, version: 2 }, stranger.policyKeys))
    },
    expected: { step: 3, code: 'THRESHOLD_NOT_MET' },
    unguarded: { step: 12, code: 'APPROVAL_MISMATCH' },
    guard: [...THRESHOLD, ...EACH_COUNTED],
  },
  {
    name: 'stranger-beside-policy-holders',
    threat: 'row 2',
    does: 'adds a signature of its own to a policy that enough holders signed, to make another document of it',
    run: async (scene) => {
      const { policy, policyKeys } = scene.trust
      return signUnder(scene, await signPolicy(policy, [...policyKeys, makeSoftKey()]))
    },
    expected: { step: 3, code: 'KEY_UNKNOWN' },
    guard: EACH_COUNTED,
  },
  {
    name: 'policy-for-another-namespace',
    threat: 'row 13',
    does: 'brings the policy that the same people signed for another environment',
    run: async (scene) =>
      signUnder(scene, await signPolicy({ ...scene.trust.policy, namespace: 'gateway/dev' }, scene.trust.policyKeys)),
    expected: { step: 3, code: 'WRONG_NAMESPACE' },
    unguarded: { step: 3, code: 'POLICY_CHANGED' },
    guard: without(OPEN_POLICY, 'if (policy.namespace !== state.root.namespace)', 'if (false)'),
  },
  {
    name: 'policy-of-before',
    threat: 'row 11',
    does: 'brings back the policy of before, in which somebody who left may still approve',
    run: async (scene) => {
      await scene.must(scene.bring({ policy: (await scene.trust.nextPolicy({})).bytes }))
      return scene.sign()
    },
    expected: { step: 3, code: 'POLICY_VERSION' },
    guard: without(OPEN_POLICY, 'if (held !== null && policy.version < held.version)', 'if (false)'),
  },
  {
    name: 'two-policies-of-one-version',
    threat: 'row 11',
    does: 'brings another policy under the version that is held',
    run: async (scene) => {
      await scene.must(scene.bring({}))
      return signUnder(scene, await signPolicy({ ...scene.trust.policy, limits: {} }, scene.trust.policyKeys))
    },
    expected: { step: 3, code: 'POLICY_CHANGED' },
    guard: without(
      OPEN_POLICY,
      'if (held !== null && policy.version === held.version && sha256Hex(opened.payload) !== held.payloadSha256)',
      'if (false)',
    ),
  },
  {
    name: 'policy-past-its-end',
    threat: 'row 11',
    does: 'withholds the next policy until the one held has expired',
    fixture: { policy: { expires: 1_800_000_100 } },
    run: async (scene) => {
      await scene.must(scene.bring({}))
      scene.pass(100)
      return scene.sign({ approval: { notBefore: scene.now - 60, expires: scene.now + 60 } })
    },
    expected: { step: 3, code: 'POLICY_EXPIRED' },
    guard: without(OPEN_POLICY, 'if (now >= policy.expires)', 'if (false)'),
  },
  {
    name: 'root-past-its-end',
    threat: 'row 11',
    does: 'withholds the next root until the one held has expired',
    fixture: { root: { expires: 1_800_000_100 } },
    run: async (scene) => {
      await scene.must(scene.bring({}))
      scene.pass(100)
      return scene.sign({ approval: { notBefore: scene.now - 60, expires: scene.now + 60 } })
    },
    expected: { step: 3, code: 'ROOT_EXPIRED' },
    guard: without('src/signer/checks/policy.check.ts', 'if (now >= state.root.expires)', 'if (false)'),
  },
  {
    name: 'policy-whose-holders-left',
    threat: 'row 4',
    does: 'goes on under a policy after a root took one of its two holders out',
    run: async (scene) => {
      const { trust } = scene
      await scene.must(scene.bring({}))
      const holders = [...trust.policyKeys.slice(0, 1), makeSoftKey()]
      const { bytes } = await trust.nextRoot(rootListing(trust.root, scene.now, 'policy', holders, { threshold: 2 }))
      await scene.must(scene.bring({ roots: [bytes] }))
      return scene.sign()
    },
    expected: { step: 3, code: 'THRESHOLD_NOT_MET' },
    guard: [...THRESHOLD, ...EACH_COUNTED],
  },
  {
    name: 'root-of-strangers-for-a-signer',
    threat: 'row 9',
    does: 'brings a root that lists the thief as release manager of everything',
    run: async (scene) => {
      const stranger = await TrustFixture.make({ now: scene.now })
      return scene.bring({ roots: [(await stranger.nextRoot({})).bytes] })
    },
    expected: { step: 3, code: 'THRESHOLD_NOT_MET' },
    guard: THRESHOLD,
  },
  {
    name: 'root-with-a-lower-floor',
    threat: 'row 10',
    does: 'has two root holders sign a root whose floor lets a withdrawn image back in',
    fixture: { root: { floors: new Map([['00'.repeat(16), 9]]) } },
    run: async (scene) => scene.bring({ roots: [(await scene.trust.nextRoot({ floors: new Map() })).bytes] }),
    expected: { step: 3, code: 'ROOT_FLOOR_LOWERED' },
    guard: without('src/domain/trust/walk-root.ts', 'if (after < before)', 'if (false)'),
  },
  {
    name: 'skipped-root-for-a-signer',
    threat: 'row 11',
    does: 'hides root 2, which took a key out, and brings root 3',
    run: async (scene) => {
      const second = await scene.trust.nextRoot({})
      return scene.bring({ roots: [(await scene.trust.nextRoot({}, second.root)).bytes] })
    },
    expected: { step: 3, code: 'ROOT_VERSION' },
    guard: without('src/domain/trust/walk-root.ts', 'if (offered.version !== held.version + 1)', 'if (false)'),
  },
  {
    name: 'online-signer-under-an-older-policy',
    threat: 'row 11',
    does: 'puts the policy of before, with a faster pace, back into the published folder',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      await scene.must(scene.assign({ digest }))
      scene.fixture.policyHeld = await scene.trust.nextPolicy({})
      await scene.must(scene.bring({}))
      await scene.must(scene.assign({ digest, device: 2 }))
      scene.publish('policy.cbor', scene.trust.policyBytes)
      return scene.assign({ digest, device: 3 })
    },
    expected: { step: 3, code: 'POLICY_VERSION' },
    unguarded: { step: 12, code: 'APPROVAL_MISMATCH' },
    guard: without(OPEN_POLICY, 'if (held !== null && policy.version < held.version)', 'if (false)'),
  },
  {
    name: 'online-signer-under-a-root-of-strangers',
    threat: 'row 9',
    does: 'puts a root of their own into the published folder',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      await scene.must(scene.assign({ digest }))
      const { root } = scene.trust
      const thief = await TrustFixture.make({ now: scene.now })
      const listing = rootListing(root, scene.now, 'root', thief.rootKeys, { threshold: 2 })
      scene.publish('roots/2.cbor', (await thief.nextRoot(listing, root)).bytes)
      return scene.assign({ digest, device: 2 })
    },
    expected: { step: 3, code: 'THRESHOLD_NOT_MET' },
    guard: THRESHOLD,
  },
  {
    name: 'class-taken-out-of-the-policy',
    threat: 'row 13',
    does: 'assigns a release of a class that the policy has given up',
    run: async (scene) => {
      const { digest } = await scene.signRelease()
      const classes = new Map([[toHex(new Uint8Array(16)), [[Uint8Array.of(0)]]]])
      scene.fixture.policyHeld = await scene.trust.nextPolicy({ classes })
      await scene.must(scene.bring({}))
      return scene.assign({ digest })
    },
    expected: { step: 22, code: 'WRONG_CLASS' },
    guard: without('src/signer/checks/release.check.ts', 'if (!policy.classes.has(classId))', 'if (false)'),
  },
]
