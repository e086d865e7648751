import { without, type SignerAttack } from '../../signer-attack.js'
import type { SignerScene } from '../../signer-scene.js'
import { judge } from '../../signer-verdict.js'
import type { Verdict } from '../../verdict.js'
import { certify, own, revoke } from './certify.js'

const CERTIFY = 'src/signer/online/certify.ts'
const KEY = 'src/signer/checks/signing-key.check.ts'

const authority = async (scene: SignerScene): Promise<Verdict> =>
  judge((await scene.onlineSigner()).request('device-ca', {}))
const authorityEnds = async (scene: SignerScene): Promise<void> =>
  scene.must(scene.bring({ roots: [await scene.rootWith('device-ca', 'device-ca', { notAfter: scene.now })] }))

/** The authority behind certificates of devices: its key, its own certificate, its count. */
export const authorityAttacks: readonly SignerAttack[] = [
  {
    ...own,
    name: 'certificate-by-a-revoked-authority',
    threat: 'row 6',
    does: 'has devices certified by an authority whose key was revoked',
    run: async (scene) => {
      await scene.onlineSigner()
      await revoke(scene, scene.keyOf('device-ca'))
      return certify(scene)
    },
    expected: { step: 10, code: 'KEY_REVOKED' },
    guard: without(CERTIFY, 'atCheck(10, () => requireUnrevoked(state, rootKey))'),
  },
  {
    ...own,
    name: 'certificate-by-an-authority-that-ended',
    threat: 'row 6',
    does: 'has devices certified by an authority past its life, which the root ends',
    run: async (scene) => {
      await authorityEnds(scene)
      return certify(scene)
    },
    expected: { step: 15, code: 'KEY_NOT_ACTIVE' },
    guard: without(KEY, 'if (!isActive(key, now))', 'if (false)'),
  },
  {
    ...own,
    name: 'authority-certificate-after-its-end',
    threat: 'row 6',
    does: 'asks for the certificate of the authority itself, to have brokers trust a key that the root has ended',
    run: async (scene) => {
      await authorityEnds(scene)
      return authority(scene)
    },
    expected: { step: 15, code: 'KEY_NOT_ACTIVE' },
    guard: without(CERTIFY, 'atCheck(15, () => requireUsable(state.root, rootKey, token.keys(), now))'),
  },
  {
    ...own,
    name: 'authority-that-no-root-lists',
    threat: 'row 9',
    does: 'has the freshness key, which the root lists for that role alone, act as an authority for devices',
    run: async (scene) => {
      const roots = [await scene.rootWith('freshness', 'device-ca', {})]
      await scene.must(scene.bring({ roots }))
      return authority(scene)
    },
    expected: { step: 15, code: 'SIGNER_KEY_MISSING' },
    guard: without(
      CERTIFY,
      "chooseSigningKey(state, 'device-ca', token.keys(), now)",
      "chooseSigningKey(state, 'freshness', token.keys(), now)",
    ),
  },
  {
    ...own,
    name: 'authority-of-a-revoked-key',
    threat: 'row 6',
    does: 'asks for the certificate of an authority whose key was revoked',
    run: async (scene) => {
      await scene.onlineSigner()
      await revoke(scene, scene.keyOf('device-ca'))
      return authority(scene)
    },
    expected: { step: 10, code: 'KEY_REVOKED' },
    guard: without(KEY, 'if (revokedKeysOf(state).has(key.keyId))', 'if (false)'),
  },
  {
    ...own,
    name: 'certificate-from-restored-state',
    threat: 'row 16',
    does: 'puts back the state of the online signer, so that its count of certificates begins anew',
    run: async (scene) => {
      await scene.onlineSigner()
      await scene.restore('online', () => certify(scene))
      return certify(scene)
    },
    expected: { step: 25, code: 'SIGNER_SUSPENDED' },
    guard: without(CERTIFY, 'atCheck(25, () => requireNotSuspended(context.state))\n  const policy', 'const policy'),
  },
  {
    ...own,
    name: 'authority-from-restored-state',
    threat: 'row 16',
    does: 'asks a signer on restored state for the certificate of the authority',
    run: async (scene) => {
      await scene.onlineSigner()
      await scene.restore('online', () => certify(scene))
      return authority(scene)
    },
    expected: { step: 25, code: 'SIGNER_SUSPENDED' },
    guard: without(
      CERTIFY,
      'atCheck(25, () => requireNotSuspended(context.state))\n  const authority',
      'const authority',
    ),
  },
]
