import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const labelOfAnotherDocument: DeviceAttack = {
  name: 'label-of-another-document',
  threat: 'one key, one kind of object',
  does: 'has an assignment signed as if it were a freshness statement',
  run: (scene) =>
    scene.offer({}, async (answer) => ({
      assignment: await signPayload(scene.trust.roleKey('assignment'), 'freshness', scene.payloadOf(answer.assignment)),
    })),
  expected: { step: 10, code: 'SIGNATURE_INVALID' },
  guard: [
    {
      file: 'src/domain/trust/labels.ts',
      find: 'utf8(`countersign/${kind}/v1`)',
      replace: "utf8('countersign')",
    },
  ],
}
