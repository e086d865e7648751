import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const assignmentWithoutEnd: DeviceAttack = {
  name: 'assignment-without-end',
  threat: 'row 6',
  does: 'signs an assignment for a year, with the stolen assignment key',
  run: (scene) => scene.offer({ assignment: { expires: NOW + 365 * DAY } }),
  expected: { step: 10, code: 'ASSIGNMENT_LIFE' },
  guard: [
    {
      file: 'src/domain/trust/check-assignment.ts',
      find: 'if (seconds > MAX_ASSIGNMENT_LIFE_SECONDS)',
      replace: 'if (false)',
    },
  ],
}
