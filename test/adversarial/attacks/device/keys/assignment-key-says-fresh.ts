import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const assignmentKeySaysFresh: DeviceAttack = {
  name: 'assignment-key-says-fresh',
  threat: 'kid of another role',
  does: 'calls old state fresh with the stolen assignment key',
  run: (scene) =>
    scene.offer({}, async (answer) => ({
      freshness: await signPayload(scene.trust.roleKey('assignment'), 'freshness', scene.payloadOf(answer.freshness)),
    })),
  expected: { step: 9, code: 'KEY_UNKNOWN' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: 'if (row === undefined || !roles.some((role) => root.roles.get(role)?.keyIds.includes(name)))',
      replace: 'if (row === undefined)',
    },
  ],
}
