import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const revokedManifestKey: DeviceAttack = {
  name: 'revoked-manifest-key',
  threat: 'row 4',
  does: 'signs with a manifest key that is revoked',
  run: (scene) => {
    const keys = [{ keyId: scene.trust.roleKey('manifest-a').keyIdHex, reason: 1, time: NOW }]
    return scene.offer({ krl: { number: 2, keys } })
  },
  expected: { step: 12, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: "if (revoked.has(name)) throw new Refusal('KEY_REVOKED', { keyId: name })",
      replace: '',
    },
  ],
}
