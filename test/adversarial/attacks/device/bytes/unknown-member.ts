import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const unknownMember: DeviceAttack = {
  name: 'unknown-member',
  threat: 'row 17',
  does: 'signs an assignment with a member that nobody knows',
  run: (scene) =>
    scene.offer({}, async (answer) => {
      const payload = scene.payloadOf(answer.assignment)
      const spoilt = concat(Uint8Array.of(0xaa), payload.slice(1), Uint8Array.of(10, 1))
      return { assignment: await signPayload(scene.trust.roleKey('assignment'), 'assignment', spoilt) }
    }),
  expected: { step: 10, code: 'DOCUMENT_MALFORMED', detail: { why: 'unknown member' } },
  guard: [
    {
      file: 'src/domain/trust/fields.ts',
      find: "if (!this.wasRead(key)) throw this.refusal(String(key), 'unknown member')",
      replace: 'void key',
    },
  ],
}
