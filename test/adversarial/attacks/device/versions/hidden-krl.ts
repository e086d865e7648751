import type { DeviceAttack } from '../../../device-attack.js'

export const hiddenKrl: DeviceAttack = {
  name: 'hidden-krl',
  threat: 'row 8',
  does: 'hides the newest KRL behind an old freshness statement; the new assignment asks for that KRL',
  run: (scene) => scene.offer({ assignment: { leastKrlNumber: 2 } }),
  expected: { step: 10, code: 'ASSIGNMENT_NEEDS_KRL', detail: { needed: 2, held: 1 } },
  guard: [
    {
      file: 'src/domain/trust/check-assignment.ts',
      find: 'if (assignment.leastKrlNumber > held)',
      replace: 'if (false)',
    },
  ],
}
