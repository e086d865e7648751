import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const longInteger: DeviceAttack = {
  name: 'long-integer',
  threat: 'row 17; non-canonical integers',
  does: 'signs an assignment with an integer in a longer form than it needs',
  run: (scene) =>
    scene.offer({}, async (answer) => {
      const payload = scene.payloadOf(answer.assignment)
      // The last member is the end of its life: one byte that says "four bytes", then the four.
      const spoilt = concat(payload.slice(0, -5), Uint8Array.of(0x1b, 0, 0, 0, 0), payload.slice(-4))
      return { assignment: await signPayload(scene.trust.roleKey('assignment'), 'assignment', spoilt) }
    }),
  expected: { step: 10, code: 'CBOR_NOT_CANONICAL', detail: { why: 'integer not in its shortest form' } },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: "if (value < (leastArguments[info - 24] ?? 0)) throw notCanonical(start, 'integer not in its shortest form')",
      replace: '',
    },
  ],
}
