import type { DeviceAttack } from '../../../device-attack.js'

export const endlessAnswer: DeviceAttack = {
  name: 'endless-answer',
  threat: 'TUF: endless data',
  does: 'answers a poll with more bytes than an answer can have',
  run: async (scene) => {
    await scene.enrol()
    scene.server.rawAnswer = new Uint8Array(5 * 1024 * 1024)
    return scene.poll()
  },
  expected: { step: 1, code: 'UNREACHABLE', detail: { why: 'an answer of more than 4194304 bytes' } },
  unguarded: { step: 1, code: 'DOCUMENT_TOO_LARGE' },
  guard: [
    {
      file: 'device-sim/http-exchange.ts',
      find: 'if (size > maxBytes) throw',
      replace: 'if (false) throw',
    },
  ],
}
