import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const unRevokedKey: DeviceAttack = {
  name: 'un-revoked-key',
  threat: 'row 7',
  does: 'leaves a revoked key out of the next KRL, with the stolen KRL key',
  run: async (scene) => {
    const keys = [{ keyId: scene.trust.roleKey('manifest-a').keyIdHex, reason: 1, time: NOW }]
    scene.requireStuck(await scene.offer({ krl: { number: 2, keys } }), 'KEY_REVOKED')
    return scene.offer({ krl: { number: 3 } })
  },
  expected: { step: 12, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'const keys = new Map(held?.keys)',
      replace: 'const keys = new Map<string, number>()',
    },
  ],
}
