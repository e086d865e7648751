import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const revokedFreshnessKey: DeviceAttack = {
  name: 'revoked-freshness-key',
  threat: 'row 8',
  does: 'prolongs a freeze with a freshness key that is revoked',
  run: (scene) => {
    const keys = [{ keyId: scene.trust.roleKey('freshness').keyIdHex, reason: 1, time: NOW }]
    return scene.offer({ krl: { number: 2, keys } })
  },
  expected: { step: 9, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: "if (revoked.has(name)) throw new Refusal('KEY_REVOKED', { keyId: name })",
      replace: '',
    },
  ],
}
