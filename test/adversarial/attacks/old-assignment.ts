import type { Attack } from '../attack.js'
import { NOW } from '../scene.js'

export const oldAssignment: Attack = {
  name: 'old-assignment',
  group: 'time',
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
