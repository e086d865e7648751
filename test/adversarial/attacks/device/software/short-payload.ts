import type { DeviceAttack } from '../../../device-attack.js'

export const shortPayload: DeviceAttack = {
  name: 'short-payload',
  threat: 'row 1',
  does: 'leaves out the last byte of the payload',
  run: async (scene) => {
    scene.server.answer = await scene.answer()
    scene.server.payload = scene.server.payload.slice(0, -1)
    return scene.poll()
  },
  expected: { step: 15, code: 'PAYLOAD_TOO_SHORT', detail: { expectedBytes: 40_000, foundBytes: 39_999 } },
  unguarded: { step: 15, code: 'PAYLOAD_MISMATCH' },
  guard: [
    {
      file: 'device-sim/slots.ts',
      find: 'if (this.stored < imageSizeBytes)',
      replace: 'if (false)',
    },
  ],
}
