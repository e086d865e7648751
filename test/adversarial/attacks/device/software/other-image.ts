import type { DeviceAttack } from '../../../device-attack.js'

export const otherImage: DeviceAttack = {
  name: 'other-image',
  threat: 'row 1; row 2; TUF: arbitrary software',
  does: 'sends other bytes of the same length for the payload',
  run: async (scene) => {
    scene.server.answer = await scene.answer()
    scene.server.payload = scene.server.payload.map((byte) => byte ^ 1)
    return scene.poll()
  },
  expected: { step: 15, code: 'PAYLOAD_MISMATCH' },
  unguarded: { step: 16, code: 'SLOT_MISMATCH' },
  guard: [
    {
      file: 'device-sim/slots.ts',
      find: 'if (!equalBytes(found, imageSha256))',
      replace: 'if (false)',
    },
  ],
}
