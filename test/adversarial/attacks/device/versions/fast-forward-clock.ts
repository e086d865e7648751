import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const fastForwardClock: DeviceAttack = {
  name: 'fast-forward-clock',
  threat: 'row 7; TUF: fast-forward',
  does: 'dates a KRL at the end of its key before a device without a clock, with the stolen KRL key; a root of a new epoch must bring it back',
  run: async (scene) => {
    await scene.enrol({ clockSeconds: () => null })
    const end = NOW + 90 * DAY
    await scene.offerWithNonce({ krl: { issued: end - 1, nextUpdate: end, hardExpiry: end } })
    scene.requireStuck(await scene.offerWithNonce({ sequence: 6, krl: { number: 2 } }), 'KRL_EXPIRED')
    const { bytes } = await scene.trust.nextRoot({ epoch: 2, issued: NOW - 60 })
    return scene.offerWithNonce({ sequence: 6, krl: { number: 3, epoch: 2 } }, { roots: [bytes] })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 7, code: 'KRL_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'latestSeconds: state.root.issued,',
      replace: '',
    },
  ],
}
