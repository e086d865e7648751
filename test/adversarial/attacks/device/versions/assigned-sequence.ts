import type { DeviceAttack } from '../../../device-attack.js'

export const assignedSequence: DeviceAttack = {
  name: 'assigned-sequence',
  threat: 'row 6; TUF: fast-forward',
  does: 'assigns a release under the highest sequence there is, with the stolen assignment key',
  run: (scene) => scene.offer({ assignment: { sequence: Number.MAX_SAFE_INTEGER } }),
  expected: { step: 13, code: 'ASSIGNMENT_SEQUENCE' },
  guard: [
    {
      file: 'src/domain/trust/accept-update.ts',
      find: 'if (assignment.sequence !== sequence)',
      replace: 'if (false)',
    },
  ],
}
