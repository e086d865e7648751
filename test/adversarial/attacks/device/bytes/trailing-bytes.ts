import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const trailingBytes: DeviceAttack = {
  name: 'trailing-bytes',
  threat: 'row 17; trailing bytes',
  does: 'appends a byte to a signed assignment',
  run: (scene) =>
    scene.offer({}, ({ assignment = new Uint8Array(0) }) => ({ assignment: concat(assignment, Uint8Array.of(0)) })),
  expected: { step: 10, code: 'CBOR_MALFORMED', detail: { why: 'trailing bytes' } },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: "if (reader.at !== bytes.length) throw malformed(reader.at, 'trailing bytes')",
      replace: '',
    },
  ],
}
