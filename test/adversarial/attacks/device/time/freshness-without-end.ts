import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const freshnessWithoutEnd: DeviceAttack = {
  name: 'freshness-without-end',
  threat: 'row 8; TUF: freeze',
  does: 'signs a freshness statement that lives as long as its key, with the stolen freshness key',
  run: (scene) => scene.offer({ freshness: { time: NOW - 5, expires: NOW + 30 * DAY } }),
  expected: { step: 9, code: 'FRESHNESS_LIFE', detail: { seconds: 30 * DAY + 5, limitSeconds: DAY } },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'if (seconds > MAX_FRESHNESS_LIFE_SECONDS)',
      replace: 'if (false)',
    },
  ],
}
