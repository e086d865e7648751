import { sha256 } from '../../../../src/domain/bytes.js'
import type { PolicyLimits } from '../../../../src/domain/trust/policy-limits.js'
import { makeP256Key } from '../../../support/soft-key.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import type { SignerScene } from '../../signer-scene.js'
import { NOW } from '../../scene.js'

const APPROVALS = 'src/domain/trust/check-approvals.ts'
const WINDOW = 'src/signer/checks/window.check.ts'
const DAY = 86_400

/** Open on the day after now; 1970-01-01 was a Thursday, day 3 counted from Monday. */
const closed: PolicyLimits = {
  windows: [{ days: 1 << ((Math.floor(NOW / DAY) + 4) % 7), fromSecond: 0, toSecond: DAY }],
}

/** Revokes the key of a role and asks for something that it would sign. */
const revoke = async (scene: SignerScene, role: string): Promise<void> => {
  await scene.signKrl({ keys: [{ keyId: scene.keyOf(role), reason: 1, time: scene.now }] })
}

/** Checks 10 and 13 to 18 of the release signer: when, how often, with which key, and once. */
export const conditionAttacks: readonly SignerAttack[] = [
  {
    name: 'release-without-a-krl',
    threat: 'row 7',
    does: 'withholds every KRL from a new signer',
    run: async (scene) => {
      await scene.freshReleaseSigner()
      await scene.hash(1)
      return scene.sign()
    },
    expected: { step: 10, code: 'KRL_MISSING' },
    guard: without('src/signer/release/sign-checks.ts', 'requireLiveKrl(state, now)\n  })', '\n  })'),
  },
  {
    name: 'release-under-a-dead-krl',
    threat: 'row 11',
    does: 'withholds the next KRL until the one held is past its hard expiry',
    run: async (scene) => {
      await scene.releaseSigner()
      await scene.signKrl({ nextUpdate: scene.now + 50, hardExpiry: scene.now + 100 })
      scene.pass(100)
      return scene.sign()
    },
    expected: { step: 10, code: 'KRL_EXPIRED' },
    guard: without('src/domain/trust/take-krl.ts', 'now >= hardExpiry', 'false'),
  },
  {
    name: 'release-by-a-revoked-key',
    threat: 'row 16',
    does: 'asks for a signature with a key that a KRL revokes',
    run: async (scene) => {
      await scene.releaseSigner()
      await revoke(scene, 'manifest-a')
      return scene.sign()
    },
    expected: { step: 10, code: 'KEY_REVOKED' },
    guard: without('src/signer/checks/signing-key.check.ts', 'if (revokedKeysOf(state).has(key.keyId))', 'if (false)'),
  },
  {
    name: 'emergency-krl-in-vain',
    threat: 'row 16',
    does: 'signs on with a key that the emergency KRL, which was brought, revokes',
    run: async (scene) => {
      await scene.releaseSigner()
      const keys = [{ keyId: scene.keyOf('manifest-a'), reason: 1, time: scene.now }]
      const krl = await scene.trust.signKrl(scene.trust.krl({ number: 1_001, keys }), scene.trust.emergencyKey)
      await scene.must(scene.bring({ krl }))
      return scene.sign()
    },
    expected: { step: 10, code: 'KEY_REVOKED' },
    guard: without('src/domain/trust/take-krl.ts', 'for (const row of krl.keys) keys.set(row.keyId, row.reason)'),
  },
  {
    name: 'krl-by-a-revoked-key',
    threat: 'row 7',
    does: 'asks for a KRL by the krl key that the emergency KRL revokes',
    run: async (scene) => {
      await scene.releaseSigner()
      const keys = [{ keyId: scene.keyOf('krl'), reason: 1, time: scene.now }]
      const krl = await scene.trust.signKrl(scene.trust.krl({ number: 1_001, keys }), scene.trust.emergencyKey)
      await scene.must(scene.bring({ krl }))
      return scene.krl({ number: 1_002, keys, previousSha256: sha256(krl) })
    },
    expected: { step: 10, code: 'KEY_REVOKED' },
    unguarded: { step: 19, code: 'KEY_REVOKED' },
    guard: without('src/signer/checks/signing-key.check.ts', 'if (revokedKeysOf(state).has(key.keyId))', 'if (false)'),
  },
  {
    name: 'outside-the-change-window',
    threat: 'row 3',
    does: 'signs on a day on which nothing is to be signed, with the usual approvals',
    fixture: { policy: { limits: closed } },
    run: (scene) => scene.sign(),
    expected: { step: 13, code: 'CHANGE_WINDOW_CLOSED' },
    guard: without(WINDOW, 'if (isWindowOpen(windows, context.now))', 'if (true)'),
  },
  {
    name: 'break-glass-without-security',
    threat: 'row 4',
    does: 'breaks the glass with the approvals of an ordinary day',
    fixture: { policy: { limits: { ...closed, breakGlass: '2 of release-manager and 1 of security' } } },
    run: (scene) => scene.sign(),
    expected: { step: 13, code: 'CHANGE_WINDOW_CLOSED' },
    guard: without(APPROVALS, 'if (!isQuorumMet(parseQuorum(expression), roles))', 'if (false)'),
  },
  {
    name: 're-signature-outside-the-change-window',
    threat: 'row 3',
    does: 'signs what was signed once more on a day on which nothing is to be signed',
    run: async (scene) => {
      const was = await scene.signRelease()
      scene.fixture.policyHeld = await scene.trust.nextPolicy({ limits: closed })
      const roots = [await scene.rootWith('manifest-a', 'freshness', { notBefore: scene.now - 60 })]
      await scene.must(scene.bring({ roots }))
      return scene.reSign(was, { policyVersion: 2 })
    },
    expected: { step: 13, code: 'CHANGE_WINDOW_CLOSED' },
    guard: without(WINDOW, 'if (isWindowOpen(windows, context.now))', 'if (true)'),
  },
  {
    name: 'one-signature-more-than-a-day-has',
    threat: 'row 3',
    does: 'signs as often as approvals can be had',
    // KRL 1 is signed with another key.
    fixture: { policy: { limits: { signaturesPerDay: 1 } } },
    run: async (scene) => {
      await scene.signRelease(1)
      return scene.sign({ sequence: 2 })
    },
    expected: { step: 14, code: 'RATE_EXCEEDED' },
    guard: without(
      'src/signer/release/sign-checks.ts',
      'atCheck(14, () => requireRate(policy, ledger.signaturesInDay(key.keyId, now)))',
    ),
  },
  {
    name: 'one-krl-more-than-a-day-has',
    threat: 'row 7',
    does: 'has KRLs signed without end',
    fixture: { policy: { limits: { signaturesPerDay: 1 } } },
    run: (scene) => scene.krl({}),
    expected: { step: 14, code: 'RATE_EXCEEDED' },
    guard: without(
      'src/signer/release/krl-checks.ts',
      'atCheck(14, () => requireRate(policy, ledger.signaturesInDay(key.keyId, now)))',
    ),
  },
  {
    name: 're-signatures-beyond-the-rate',
    threat: 'row 3',
    does: 'spends the day that releases have left on signing again',
    run: async (scene) => {
      const [one, two] = [await scene.signRelease(1), await scene.signRelease(2)]
      scene.fixture.policyHeld = await scene.trust.nextPolicy({ limits: { signaturesPerDay: 1 } })
      const roots = [await scene.rootWith('manifest-a', 'freshness', { notBefore: scene.now - 60 })]
      await scene.must(scene.bring({ roots }))
      await scene.must(scene.reSign(one, { policyVersion: 2 }))
      const requestId = 're-sign-2'
      return scene.reSign(two, { policyVersion: 2, requestId }, { requestId })
    },
    expected: { step: 14, code: 'RATE_EXCEEDED' },
    guard: without(
      'src/signer/release/re-sign-checks.ts',
      'atCheck(14, () => requireRate(policy, ledger.signaturesInDay(key.keyId, now)))',
    ),
  },
  {
    name: 'key-past-its-end',
    threat: 'row 16',
    does: 'withholds the next root until the manifest key has had its time',
    run: async (scene) => {
      await scene.releaseSigner()
      await scene.must(
        scene.bring({ roots: [await scene.rootWith('manifest-a', 'manifest-a', { notAfter: scene.now })] }),
      )
      return scene.sign()
    },
    expected: { step: 15, code: 'KEY_NOT_ACTIVE' },
    guard: without('src/signer/checks/signing-key.check.ts', 'if (!isActive(key, now))', 'if (false)'),
  },
  {
    name: 'key-before-its-time-for-a-signer',
    threat: 'row 16',
    does: 'signs with the successor that is listed for next month',
    run: async (scene) => {
      await scene.releaseSigner()
      const life = { notBefore: scene.now + 1 }
      await scene.must(scene.bring({ roots: [await scene.rootWith('manifest-a', 'freshness', life)] }))
      return scene.sign()
    },
    expected: { step: 15, code: 'KEY_NOT_ACTIVE' },
    guard: without('src/signer/checks/signing-key.check.ts', 'if (!isActive(key, now))', 'if (false)'),
  },
  {
    name: 'key-that-left-the-root',
    threat: 'row 16',
    does: 'signs with the key of the token after a root gave its role to another',
    run: async (scene) => {
      await scene.releaseSigner()
      const { trust } = scene
      const roles = new Map(trust.root.roles)
      roles.set('manifest-a', { threshold: 1, keyIds: [trust.emergencyKey.keyIdHex] })
      roles.delete('emergency-krl')
      await scene.must(scene.bring({ roots: [(await trust.nextRoot({ roles })).bytes] }))
      return scene.sign()
    },
    expected: { step: 15, code: 'SIGNER_KEY_MISSING' },
    guard: without(
      'src/signer/checks/signing-key.check.ts',
      'root.roles.get(role)?.keyIds.includes(keyId) === true ?',
      "(root.roles.get(role)?.keyIds.includes(keyId) === true || role === 'manifest-a') ?",
    ),
  },
  {
    name: 'release-by-an-algorithm-not-allowed',
    threat: 'row 18',
    does: 'signs under a root that took the algorithm of the key off its list',
    // People and offline roles have P-256 keys, the token has Ed25519.
    fixture: { makeKey: makeP256Key },
    run: async (scene) => {
      await scene.releaseSigner()
      await scene.must(scene.bring({ roots: [(await scene.trust.nextRoot({ algorithms: [-9] })).bytes] }))
      return scene.sign()
    },
    expected: { step: 15, code: 'ALGORITHM_NOT_ALLOWED' },
    guard: without(
      'src/signer/checks/signing-key.check.ts',
      'if (!root.algorithms.includes(alg) || inToken?.algorithm !== alg)',
      'if (false)',
    ),
  },
]
