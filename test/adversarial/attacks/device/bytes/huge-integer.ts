import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const hugeInteger: DeviceAttack = {
  name: 'huge-integer',
  threat: 'row 17',
  does: 'signs an assignment with an integer above 2^53-1, which rounds',
  run: (scene) =>
    scene.offer({}, async (answer) => {
      const payload = scene.payloadOf(answer.assignment)
      const spoilt = concat(payload.slice(0, -5), Uint8Array.of(0x1b, 0, 0x20, 0, 0, 0, 0, 0, 1))
      return { assignment: await signPayload(scene.trust.roleKey('assignment'), 'assignment', spoilt) }
    }),
  expected: { step: 10, code: 'CBOR_MALFORMED', detail: { why: 'integer above 2^53-1' } },
  unguarded: { step: 10, code: 'ASSIGNMENT_LIFE' },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: "if (value > Number.MAX_SAFE_INTEGER) throw malformed(start, 'integer above 2^53-1')",
      replace: '',
    },
  ],
}
