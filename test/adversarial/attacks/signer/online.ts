import { sha256, utf8, toHex } from '../../../../src/domain/bytes.js'
import { buildBlock, encodeEnvelope, manifestSha256 } from '../../../../src/domain/suit/envelope.js'
import { makeSoftKey } from '../../../support/soft-key.js'
import { publishAs } from '../../../support/published-release.js'
import { CLASS_ID } from '../../../support/trust-fixture.js'
import { without, type SignerAttack } from '../../signer-attack.js'
import { judge } from '../../signer-verdict.js'
import type { SignerScene } from '../../signer-scene.js'
import { assign } from './assign.js'

const KEY = 'src/signer/checks/signing-key.check.ts'
const ENVELOPE = 'src/domain/trust/check-envelope.ts'
const other = sha256(utf8('another release'))

const revoke = (scene: SignerScene, role: string): Promise<Uint8Array> =>
  scene.signKrl({ keys: [{ keyId: scene.keyOf(role), reason: 1, time: scene.now }] })

const keyEnds = async (scene: SignerScene, role: 'assignment' | 'freshness'): Promise<void> =>
  scene.must(scene.bring({ roots: [await scene.rootWith(role, role, { notAfter: scene.now })] }))

/** Checks of the online signer (trust.md §4b) but those of plan and pace. */
export const onlineAttacks: readonly SignerAttack[] = [
  {
    ...assign(
      'release-that-was-never-published',
      'row 6',
      'assigns a release that the release signer never signed',
      { digest: other },
      [21, 'RELEASE_UNKNOWN'],
      without(
        'src/signer/checks/release.check.ts',
        'if (envelope === null) throw',
        'if (envelope === null) return new Uint8Array(0)\n  if (envelope === null) throw',
      ),
    ),
    unguarded: { step: 22, code: 'CBOR_MALFORMED' },
  },
  assign(
    'exchanged-release-file',
    'row 6',
    'puts another signed release under the name of the one that people planned',
    async (scene, digest) => {
      const { envelope } = await scene.signRelease(2)
      publishAs(scene.fixture.folder, toHex(digest), envelope)
      return {}
    },
    [22, 'DIGEST_MISMATCH'],
    without(ENVELOPE, "if (expected !== null) requireSame('assignment', expected)"),
  ),
  assign(
    'release-file-by-a-stranger',
    'row 6',
    'signs a manifest of their own with a key of their own, puts it into the folder and plans it as a fallback',
    async (scene, digest) => {
      const { manifest, text } = await scene.fixture.signRequest(2)
      const forged = manifestSha256(manifest)
      const envelope = encodeEnvelope(manifest, [await buildBlock(makeSoftKey(), forged)], text)
      publishAs(scene.fixture.folder, toHex(forged), envelope)
      return { digest: forged, plan: { manifests: [digest, forged] } }
    },
    [22, 'KEY_UNKNOWN'],
    [
      ...without(
        ENVELOPE,
        'parsed.flatMap((block) => countBlock(state, claimedSha256, block, now, algorithms))',
        '[] as string[]',
      ),
      ...without(ENVELOPE, 'if (!isRoleMet(state, role, counted))', 'if (false)'),
    ],
  ),
  assign(
    'release-of-a-revoked-key',
    'row 6',
    'assigns a release whose manifest key was revoked',
    async (scene) => {
      await revoke(scene, 'manifest-a')
      return {}
    },
    [22, 'KEY_REVOKED'],
    without('src/domain/trust/signed-document.ts', 'if (revoked.has(name))', 'if (false)'),
  ),
  assign(
    'withdrawn-release-assigned',
    'row 6',
    'assigns a release that was withdrawn',
    async (scene, digest) => {
      await scene.signKrl({ manifests: [{ digest: toHex(digest), reason: 1 }] })
      return {}
    },
    [22, 'MANIFEST_REVOKED'],
    without(ENVELOPE, 'if (state.krl?.manifests.has(digest) === true)', 'if (false)'),
  ),
  assign(
    'release-below-the-floor-assigned',
    'row 10',
    'assigns a release that a floor has closed',
    async (scene) => {
      await scene.signRelease(2)
      await scene.signKrl({ floors: new Map([[toHex(CLASS_ID), 2]]) })
      return {}
    },
    [22, 'ROLLBACK'],
    without(ENVELOPE, 'if (manifest.sequence < floor)', 'if (false)'),
  ),
  assign(
    'assignment-under-a-dead-krl',
    'row 11',
    'withholds the next KRL and goes on assigning past the hard expiry of the one held',
    async (scene) => {
      await scene.signKrl({ nextUpdate: scene.now + 50, hardExpiry: scene.now + 100 })
      scene.pass(100)
      return {}
    },
    [10, 'KRL_EXPIRED'],
    without('src/domain/trust/take-krl.ts', 'now >= hardExpiry', 'false'),
  ),
  assign(
    'assignment-by-a-revoked-key',
    'row 6',
    'assigns with a key that was revoked because it was stolen',
    async (scene) => {
      await revoke(scene, 'assignment')
      return {}
    },
    [10, 'KEY_REVOKED'],
    without(KEY, 'if (revokedKeysOf(state).has(key.keyId))', 'if (false)'),
  ),
  assign(
    'assignment-by-a-key-past-its-end',
    'row 6',
    'assigns with a key that has had its time',
    async (scene) => {
      await keyEnds(scene, 'assignment')
      return {}
    },
    [15, 'KEY_NOT_ACTIVE'],
    without(KEY, 'if (!isActive(key, now))', 'if (false)'),
  ),
  {
    name: 'freshness-by-a-revoked-key',
    threat: 'row 8',
    does: 'goes on calling the KRL fresh with a key that was revoked',
    run: async (scene) => {
      await scene.onlineSigner()
      await revoke(scene, 'freshness')
      return scene.freshness()
    },
    expected: { step: 10, code: 'KEY_REVOKED' },
    guard: without(KEY, 'if (revokedKeysOf(state).has(key.keyId))', 'if (false)'),
  },
  {
    name: 'freshness-by-a-key-past-its-end',
    threat: 'row 8',
    does: 'goes on calling the KRL fresh with a key that has had its time',
    run: async (scene) => {
      await scene.onlineSigner()
      await keyEnds(scene, 'freshness')
      return scene.freshness()
    },
    expected: { step: 15, code: 'KEY_NOT_ACTIVE' },
    guard: without(KEY, 'if (!isActive(key, now))', 'if (false)'),
  },
  {
    name: 'freshness-of-nothing',
    threat: 'row 8',
    does: 'has a device told that there is nothing to know, before the first KRL',
    run: async (scene) => {
      const { fixture } = scene
      await scene.freshReleaseSigner()
      const online = await fixture.start('online')
      return judge(online.request('freshness', { nonce: null }))
    },
    expected: { step: 10, code: 'KRL_MISSING' },
    guard: without(
      'src/signer/online/sign-freshness.ts',
      'if (krl === null) return atCheck(10, () => refuseWithoutKrl())',
      'if (krl === null) return { freshness: new Uint8Array(1) }',
    ),
  },
]
