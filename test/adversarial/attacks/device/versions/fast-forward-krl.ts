import type { DeviceAttack } from '../../../device-attack.js'

export const fastForwardKrl: DeviceAttack = {
  name: 'fast-forward-krl',
  threat: 'row 7; row 12; TUF: fast-forward',
  does: 'signs the highest KRL number there is; a root of a new epoch must bring the device back',
  run: async (scene) => {
    await scene.install({ krl: { number: Number.MAX_SAFE_INTEGER } })
    scene.requireStuck(await scene.offer({ sequence: 6, krl: { number: 2 } }), 'KRL_OLD')
    const { bytes } = await scene.trust.nextRoot({ epoch: 2 })
    return scene.offer({ sequence: 6, krl: { number: 3, epoch: 2 } }, { roots: [bytes] })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 6, code: 'KRL_OLD' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'offered.epoch > held.epoch ? forgetKrls(state) : { ...state, krl: keepRevoked(state, offered) }',
      replace: '{ ...state, krl: keepRevoked(state, offered) }',
    },
  ],
}
