import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const duplicateKey: DeviceAttack = {
  name: 'duplicate-key',
  threat: 'row 17; duplicate map keys',
  does: 'signs an assignment that names the end of its life twice',
  run: (scene) =>
    scene.offer({}, async (answer) => {
      const payload = scene.payloadOf(answer.assignment)
      const spoilt = concat(Uint8Array.of(0xaa), payload.slice(1), payload.slice(-6))
      return { assignment: await signPayload(scene.trust.roleKey('assignment'), 'assignment', spoilt) }
    }),
  expected: { step: 10, code: 'CBOR_NOT_CANONICAL', detail: { why: 'duplicate map key' } },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: "if (order === 0) throw notCanonical(start, 'duplicate map key')",
      replace: '',
    },
  ],
}
