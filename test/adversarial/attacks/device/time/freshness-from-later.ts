import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const freshnessFromLater: DeviceAttack = {
  name: 'freshness-from-later',
  threat: 'row 8; TUF: freeze',
  does: 'dates a freshness statement a month ahead, with the stolen freshness key, so that its one day ends late',
  run: (scene) => scene.offer({ freshness: { time: NOW + 29 * DAY, expires: NOW + 30 * DAY } }),
  expected: { step: 9, code: 'FRESHNESS_NOT_YET', detail: { time: NOW + 29 * DAY, now: NOW } },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'if (time > now + MAX_CLOCK_LAG_SECONDS)',
      replace: 'if (false)',
    },
  ],
}
