import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const krlKeyAssigns: DeviceAttack = {
  name: 'krl-key-assigns',
  threat: 'kid of another role',
  does: 'assigns with the stolen krl key',
  run: (scene) =>
    scene.offer({}, async (answer) => ({
      assignment: await signPayload(scene.trust.roleKey('krl'), 'assignment', scene.payloadOf(answer.assignment)),
    })),
  expected: { step: 10, code: 'KEY_UNKNOWN' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: 'if (row === undefined || !roles.some((role) => root.roles.get(role)?.keyIds.includes(name)))',
      replace: 'if (row === undefined)',
    },
  ],
}
