import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const staleFreshness: DeviceAttack = {
  name: 'stale-freshness',
  threat: 'row 11; TUF: freeze',
  does: 'repeats a freshness statement whose time is over',
  run: (scene) => scene.offer({ freshness: { time: NOW - DAY, expires: NOW } }),
  expected: { step: 9, code: 'FRESHNESS_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'if (now >= expires) throw',
      replace: 'if (Number(now) < 0) throw',
    },
  ],
}
