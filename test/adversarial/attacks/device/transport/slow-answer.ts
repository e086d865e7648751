import type { DeviceAttack } from '../../../device-attack.js'

export const slowAnswer: DeviceAttack = {
  name: 'slow-answer',
  threat: 'TUF: slow retrieval',
  does: 'takes a poll and lets the device wait',
  run: async (scene) => {
    await scene.enrol({}, { answerMs: 2_000 })
    scene.server.answer = await scene.answer()
    scene.server.waitMs = 4_000
    return scene.poll()
  },
  expected: { step: 1, code: 'UNREACHABLE', detail: { why: 'no answer in time' } },
  guard: [
    {
      file: 'device-sim/http-exchange.ts',
      find: "timer = setTimeout(() => sent.destroy(new Unreachable('no answer in time')), limits.answerMs)",
      replace: '',
    },
  ],
}
