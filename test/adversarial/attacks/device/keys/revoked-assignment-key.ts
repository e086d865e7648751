import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const revokedAssignmentKey: DeviceAttack = {
  name: 'revoked-assignment-key',
  threat: 'row 6',
  does: 'assigns with a key that is revoked',
  run: (scene) => {
    const keys = [{ keyId: scene.trust.roleKey('assignment').keyIdHex, reason: 1, time: NOW }]
    return scene.offer({ krl: { number: 2, keys } })
  },
  expected: { step: 10, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: "if (revoked.has(name)) throw new Refusal('KEY_REVOKED', { keyId: name })",
      replace: '',
    },
  ],
}
