import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const timePastTheKey: DeviceAttack = {
  name: 'time-past-the-key',
  threat: 'row 8; TUF: fast-forward',
  does: 'tells a device without a clock a time past the life of the stolen freshness key',
  run: async (scene) => {
    await scene.enrol({ clockSeconds: () => null })
    return scene.offerWithNonce({ freshness: { time: NOW + 91 * DAY, expires: NOW + 92 * DAY } })
  },
  expected: { step: 4, code: 'KEY_NOT_ACTIVE' },
  unguarded: { step: 6, code: 'KEY_NOT_ACTIVE' },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'requireActive(key, time)',
      replace: '',
    },
  ],
}
