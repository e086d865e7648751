import type { DeviceAttack } from '../../../device-attack.js'

const CONNECTIONS = 4

export const endlessRefusals: DeviceAttack = {
  name: 'endless-refusals',
  threat: 'TUF: endless data',
  does: 'says "not found" with a text without end, once for each connection the device may have; the next poll must get through',
  run: async (scene) => {
    scene.server.refusesWithoutEnd = true
    for (let asked = 0; asked < CONNECTIONS; asked += 1) await scene.offer({ freshness: { rootVersion: 2 } })
    scene.server.answer = await scene.answer()
    return scene.pollWithin(5_000)
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 1, code: 'UNREACHABLE' },
  guard: [
    {
      file: 'device-sim/http-transport.ts',
      find: 'function dropBody(answer: IncomingMessage): void {\n  answer.destroy()',
      replace: 'function dropBody(answer: IncomingMessage): void {\n  answer.resume()',
    },
  ],
}
