import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const krlOfLongLife: DeviceAttack = {
  name: 'krl-of-long-life',
  threat: 'row 7; TUF: freeze',
  does: 'signs a KRL that lives longer than the root allows, with the stolen KRL key',
  run: (scene) => scene.offer({ krl: { issued: NOW - 90 * DAY, hardExpiry: NOW + 1_000 * DAY } }),
  expected: { step: 7, code: 'KRL_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'Math.min(krl.hardExpiry, krl.issued + state.root.longestKrlLifeSeconds)',
      replace: 'krl.hardExpiry',
    },
  ],
}
