import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const unsortedKeys: DeviceAttack = {
  name: 'unsorted-keys',
  threat: 'row 17; non-canonical maps',
  does: 'signs an assignment whose members are out of order',
  run: (scene) =>
    scene.offer({}, async (answer) => {
      const payload = scene.payloadOf(answer.assignment)
      const spoilt = concat(payload.slice(0, 1), payload.slice(-6), payload.slice(1, -6))
      return { assignment: await signPayload(scene.trust.roleKey('assignment'), 'assignment', spoilt) }
    }),
  expected: { step: 10, code: 'CBOR_NOT_CANONICAL', detail: { why: 'map keys out of order' } },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: "if (order > 0) throw notCanonical(start, 'map keys out of order')",
      replace: '',
    },
  ],
}
