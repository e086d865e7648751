import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const oldAssignment: DeviceAttack = {
  name: 'old-assignment',
  threat: 'row 6; replay',
  does: 'repeats an assignment whose day is over',
  run: (scene) => scene.offer({ assignment: { notBefore: NOW - 7_200, expires: NOW } }),
  expected: { step: 10, code: 'ASSIGNMENT_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/check-assignment.ts',
      find: 'if (now >= assignment.expires) throw',
      replace: 'if (false) throw',
    },
  ],
}
