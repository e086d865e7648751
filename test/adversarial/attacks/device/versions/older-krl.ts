import type { DeviceAttack } from '../../../device-attack.js'

export const olderKrl: DeviceAttack = {
  name: 'older-krl',
  threat: 'row 11; TUF: rollback',
  does: 'offers an older KRL once more',
  run: async (scene) => {
    await scene.install({ krl: { number: 2 } })
    return scene.offer({ sequence: 6 })
  },
  expected: { step: 6, code: 'KRL_OLD', detail: { held: 2, offered: 1 } },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'if (held !== null && krl.number < held.number)',
      replace: 'if (false)',
    },
  ],
}
