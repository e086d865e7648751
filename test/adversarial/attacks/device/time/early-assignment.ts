import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const earlyAssignment: DeviceAttack = {
  name: 'early-assignment',
  threat: 'row 6',
  does: 'uses an assignment before its time, ahead of the pace that people signed',
  run: (scene) => scene.offer({ assignment: { notBefore: NOW + 1, expires: NOW + 3_600 } }),
  expected: { step: 10, code: 'ASSIGNMENT_NOT_YET' },
  guard: [
    {
      file: 'src/domain/trust/check-assignment.ts',
      find: 'if (now < assignment.notBefore) throw',
      replace: 'if (false) throw',
    },
  ],
}
