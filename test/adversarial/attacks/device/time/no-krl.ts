import type { DeviceAttack } from '../../../device-attack.js'

export const noKrl: DeviceAttack = {
  name: 'no-krl',
  threat: 'row 11; TUF: freeze',
  does: 'sends no KRL to a device new from the shelf',
  run: async (scene) => {
    const { krl: _, ...answer } = await scene.answer()
    scene.server.answer = answer
    return scene.poll()
  },
  expected: { step: 7, code: 'KRL_MISSING' },
  unguarded: { step: 9, code: 'FRESHNESS_KRL' },
  guard: [
    {
      file: 'src/domain/trust/accept-update.ts',
      find: 'throw expiry',
      replace: '',
    },
  ],
}
