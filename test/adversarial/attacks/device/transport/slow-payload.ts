import type { DeviceAttack } from '../../../device-attack.js'

export const slowPayload: DeviceAttack = {
  name: 'slow-payload',
  threat: 'TUF: slow retrieval',
  does: 'sends the payload byte by byte',
  run: async (scene) => {
    await scene.enrol({}, { stretchMs: 500, leastBytes: 2_000 })
    scene.server.dripMs = 2
    return scene.offer({ image: new Uint8Array(900) })
  },
  expected: { step: 15, code: 'UNREACHABLE', detail: { why: 'the answer came too slowly' } },
  guard: [
    {
      file: 'device-sim/http-exchange.ts',
      find: "if (brought < limits.leastBytes) answer.destroy(new Unreachable('the answer came too slowly'))",
      replace: '',
    },
  ],
}
