import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const clockMended: DeviceAttack = {
  name: 'clock-mended',
  threat: 'row 1; wrong time',
  does: 'sets the clock to the year 2100 for a while; the device must go on when it is right again',
  run: async (scene) => {
    let now = 4_102_444_800
    await scene.enrol({ clockSeconds: () => now })
    scene.requireStuck(await scene.offer(), 'ROOT_EXPIRED')
    now = NOW
    return scene.offer()
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 5, code: 'ROOT_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/accept-update.ts',
      find: 'let now = clockSeconds ?? state.latestSeconds',
      replace: 'if (clockSeconds !== null) keep(raiseClock(state, clockSeconds))\n  let now = state.latestSeconds',
    },
  ],
}
