import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const extraPayloadByte: DeviceAttack = {
  name: 'extra-payload-byte',
  threat: 'row 1; TUF: endless data; extra payload bytes',
  does: 'appends one byte to the payload',
  run: async (scene) => {
    scene.server.answer = await scene.answer()
    scene.server.payload = concat(scene.server.payload, Uint8Array.of(0))
    return scene.poll()
  },
  expected: { step: 15, code: 'PAYLOAD_TOO_LONG', detail: { limitBytes: 40_000 } },
  unguarded: { step: 15, code: 'PAYLOAD_MISMATCH' },
  guard: [
    {
      file: 'device-sim/slots.ts',
      find: 'if (this.stored + piece.length > this.wanted.imageSizeBytes)',
      replace: 'if (false)',
    },
  ],
}
