import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const krlDatedPastItsKey: DeviceAttack = {
  name: 'krl-dated-past-its-key',
  threat: 'row 7; TUF: fast-forward',
  does: 'dates a KRL past the life of its key, with the stolen KRL key: it would never expire',
  run: (scene) => scene.offer({ krl: { issued: NOW + 90 * DAY, hardExpiry: Number.MAX_SAFE_INTEGER } }),
  expected: { step: 6, code: 'KEY_NOT_ACTIVE' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'if (krl.issued >= notAfter) throw',
      replace: 'if (false) throw',
    },
  ],
}
