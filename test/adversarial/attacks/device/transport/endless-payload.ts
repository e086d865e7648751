import { concat } from '../../../../../src/domain/bytes.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const endlessPayload: DeviceAttack = {
  name: 'endless-payload',
  threat: 'TUF: endless data',
  does: 'goes on sending when the payload is whole',
  run: async (scene) => {
    scene.server.answer = await scene.answer()
    scene.server.payload = concat(scene.server.payload, new Uint8Array(8 * 1024 * 1024))
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
