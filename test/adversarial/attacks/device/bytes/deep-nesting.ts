import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const deepNesting: DeviceAttack = {
  name: 'deep-nesting',
  threat: 'row 17; deeply nested CBOR',
  does: 'sends a KRL of arrays in arrays',
  run: (scene) => scene.offer({}, { krl: concat(new Uint8Array(200).fill(0x81), Uint8Array.of(0x80)) }),
  expected: { step: 6, code: 'CBOR_TOO_LARGE', detail: { what: 'depth' } },
  unguarded: { step: 6, code: 'COSE_MALFORMED' },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: 'if (depth > this.limits.maxDepth)',
      replace: 'if (false)',
    },
  ],
}
