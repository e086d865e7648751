import { toHex } from '../../../../src/domain/bytes.js'
import type { Krl } from '../../../../src/domain/trust/krl.js'
import { makeSoftKey } from '../../../support/soft-key.js'
import { CLASS_ID } from '../../../support/trust-fixture.js'
import type { Edit } from '../../../support/edited-source.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import type { SignerScene } from '../../signer-scene.js'

const CONTENT = 'src/signer/checks/krl-content.check.ts'
const TAKE = 'src/domain/trust/take-krl.ts'
const classId = toHex(CLASS_ID)
const revoked = (keyId: string) => ({ keyId, reason: 1, time: 1 })
const gone = makeSoftKey().keyIdHex

/** One KRL that says what it may not say, approved by everybody who has to. */
const krl = (
  name: string,
  does: string,
  change: (scene: SignerScene) => Partial<Krl>,
  code: SignerAttack['expected']['code'],
  guard: readonly [Edit],
  before: (scene: SignerScene) => Promise<unknown> = (scene) => scene.releaseSigner(),
): SignerAttack => ({
  name,
  threat: 'row 7',
  does,
  run: async (scene) => {
    await before(scene)
    return scene.krl(change(scene))
  },
  expected: { step: 9, code },
  guard,
})

/** KRL 2 revokes a key, KRL after it have to repeat that. */
const revokes = async (scene: SignerScene): Promise<void> => {
  await scene.releaseSigner()
  await scene.signKrl({ keys: [revoked(gone)] })
}

/** Check 9 of a KRL, its quorum, and the KRLs that a courier brings (check 10). */
export const krlAttacks: readonly SignerAttack[] = [
  {
    ...krl(
      'krl-with-the-number-of-before',
      'has a second KRL signed under the number of the one held',
      () => ({ number: 1 }),
      'KRL_OLD',
      without(CONTENT, 'if (held !== null && krl.number <= held.number)', 'if (false)'),
    ),
    unguarded: { step: 19, code: 'KRL_EQUIVOCATION' },
  },
  krl(
    'krl-that-forgets-a-key',
    'has a KRL signed from which a revoked key is missing',
    () => ({ keys: [] }),
    'KRL_CONTENT',
    without(CONTENT, '[...held.keys()].every((name) => names.has(name))', 'true'),
    revokes,
  ),
  krl(
    'krl-that-lists-a-key-twice',
    'fills a KRL with one key, over and over, up to the cap of every device',
    () => ({ keys: [revoked(gone), revoked(gone)] }),
    'KRL_CONTENT',
    without(CONTENT, 'names.size === listed.length', 'true'),
  ),
  krl(
    'krl-with-another-history',
    'has a KRL signed that names another one before it',
    () => ({ previousSha256: new Uint8Array(32) }),
    'KRL_CONTENT',
    without(CONTENT, 'equalBytes(krl.previousSha256, previous)', 'true'),
  ),
  krl(
    'krl-that-locks-every-device-out',
    'raises a floor above everything that was ever signed',
    () => ({ floors: new Map([[classId, 1_000_000]]) }),
    'KRL_CONTENT',
    without(CONTENT, 'floor <= highest', 'true'),
  ),
  krl(
    'krl-with-a-lower-floor',
    'lowers the floor that keeps a withdrawn image out',
    () => ({ floors: new Map([[classId, 1]]) }),
    'KRL_CONTENT',
    without(CONTENT, '(floors.get(classId) ?? 0) >= floor', 'true'),
    async (scene) => {
      await scene.signRelease(1)
      await scene.signRelease(2)
      await scene.signKrl({ floors: new Map([[classId, 2]]) })
    },
  ),
  krl(
    'krl-for-a-hundred-years',
    'has a KRL signed whose hard expiry never comes',
    (scene) => ({ hardExpiry: scene.now + 3_000_000_000 }),
    'KRL_CONTENT',
    without(CONTENT, 'hardExpiry <= issued + longestKrlLifeSeconds', 'true'),
  ),
  krl(
    'krl-from-the-future',
    'dates a KRL ahead, and with it the clock of every device without one',
    (scene) => ({ issued: scene.now + 3_600 }),
    'KRL_CONTENT',
    without(CONTENT, 'issued <= now + CLOCK_DIFFERENCE_SECONDS', 'true'),
  ),
  krl(
    'krl-that-is-never-late',
    'has a KRL signed whose next update lies behind its end',
    (scene) => ({ nextUpdate: scene.now + 89 * 86_400 + 1 }),
    'KRL_CONTENT',
    without(CONTENT, 'issued < nextUpdate && nextUpdate <= hardExpiry', 'true'),
  ),
  krl(
    'krl-for-a-root-to-come',
    'has a KRL signed that devices can take only under a root that there is not',
    () => ({ leastRootVersion: 2 }),
    'KRL_NEEDS_ROOT',
    without(TAKE, 'if (krl.leastRootVersion > root.version)', 'if (false)'),
  ),
  krl(
    'krl-of-another-epoch',
    'has a KRL signed for an epoch that was not begun',
    () => ({ epoch: 2 }),
    'KRL_EPOCH',
    without(TAKE, 'if (krl.epoch !== root.epoch)', 'if (false)'),
  ),
  krl(
    'krl-against-the-emergency-key',
    'revokes the key that would revoke the krl key',
    (scene) => ({ keys: [revoked(scene.trust.emergencyKey.keyIdHex)] }),
    'KRL_ENTRY_FORBIDDEN',
    without(
      TAKE,
      "if (spared.includes(keyId) && state.krl?.keys.has(keyId) !== true) throw new Refusal('KRL_ENTRY_FORBIDDEN', { keyId })",
    ),
  ),
  {
    name: 'krl-of-one-officer',
    threat: 'row 4',
    does: 'revokes a key with the approval of one of two security officers',
    run: (scene) => scene.krl({ keys: [revoked(gone)] }, ['security-1']),
    expected: { step: 12, code: 'QUORUM_NOT_MET' },
    guard: without(
      'src/domain/trust/check-approvals.ts',
      'if (!isQuorumMet(parseQuorum(expression), roles))',
      'if (false)',
    ),
  },
  {
    name: 'revocation-as-a-renewal',
    threat: 'row 4',
    does: 'calls a KRL that revokes a key a renewal, which one person may approve',
    run: (scene) => scene.krl({ keys: [revoked(gone)] }, ['security-1'], { operation: 'krl-renew' }),
    expected: { step: 12, code: 'APPROVAL_MISMATCH' },
    guard: without(
      'src/signer/release/krl-checks.ts',
      'if (first === undefined || !isRenewal(krl, held))',
      'if (first === undefined)',
    ),
  },
  {
    name: 'krl-by-managers',
    threat: 'row 4',
    does: 'revokes a key with the approvals of two release managers',
    run: (scene) => scene.krl({ keys: [revoked(gone)] }, ['manager-1', 'manager-2']),
    expected: { step: 12, code: 'QUORUM_NOT_MET' },
    guard: without('src/domain/trust/quorum.ts', 'approved === role', 'true'),
  },
  {
    name: 'krl-by-a-key-of-another-role',
    threat: 'row 7',
    does: 'brings a KRL that revokes nothing any more, signed by one of the policy keys',
    run: async (scene) => {
      await scene.releaseSigner()
      return scene.bring({ krl: await scene.trust.signKrl(scene.trust.krl({ number: 50 }), scene.trust.policyKeys[0]) })
    },
    expected: { step: 10, code: 'KEY_UNKNOWN' },
    guard: without(
      'src/domain/trust/signed-document.ts',
      '!roles.some((role) => root.roles.get(role)?.keyIds.includes(name))',
      'false',
    ),
  },
  {
    name: 'older-krl-brought-back',
    threat: 'row 7; row 11',
    does: 'brings the KRL of before, under which a stolen manager key still approves',
    run: async (scene) => {
      await scene.releaseSigner()
      const before = await scene.signKrl({})
      await scene.signKrl({ keys: [revoked(scene.trust.person('manager-2').keyIdHex)] })
      return scene.sign({}, (request) => ({ ...request, trust: scene.fixture.courier({ krl: before }) }))
    },
    expected: { step: 12, code: 'KEY_REVOKED' },
    // Older ones are refused, and what was revoked stays so whatever a later one says: it takes both away.
    guard: [
      ...without(TAKE, 'if (held !== null && krl.number < held.number)', 'if (false)'),
      ...without(TAKE, 'const keys = new Map(held?.keys)', 'const keys = new Map<string, number>()'),
    ],
  },
]
