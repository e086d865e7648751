import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const algorithmConfusedAssignment: DeviceAttack = {
  name: 'algorithm-confused-assignment',
  threat: 'row 18; algorithm confusion',
  does: 'assigns under -8, with the stolen assignment key',
  run: (scene) =>
    scene.offer({}, async (answer) => ({
      assignment: await signPayload(
        { ...scene.trust.roleKey('assignment'), alg: -8 },
        'assignment',
        scene.payloadOf(answer.assignment),
      ),
    })),
  expected: { step: 10, code: 'ALGORITHM_NOT_ALLOWED', detail: { alg: -8 } },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: 'if (algorithm === undefined || claimed.alg !== pinned.alg)',
      replace: 'if (algorithm === undefined)',
    },
  ],
}
