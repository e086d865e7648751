import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'

const COUNT = 1_000_000

export const countlessItems: DeviceAttack = {
  name: 'countless-items',
  threat: 'row 17; oversized CBOR',
  does: 'sends a KRL of a million empty maps: one byte each on the wire, and 200 in memory',
  run: (scene) => {
    const head = Uint8Array.of(0xd2, 0x84, 0x40, 0xa0, 0x40, 0x9a, COUNT >> 24, COUNT >> 16, COUNT >> 8, COUNT)
    return scene.offer({}, { krl: concat(head, new Uint8Array(COUNT).fill(0xa0)) })
  },
  expected: { step: 6, code: 'CBOR_TOO_LARGE', detail: { limit: 16_384, what: 'items' } },
  unguarded: { step: 6, code: 'CBOR_MALFORMED' },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: 'if (this.itemsLeft < 0)',
      replace: 'if (false)',
    },
  ],
}
