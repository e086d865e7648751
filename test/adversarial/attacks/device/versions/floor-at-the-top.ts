import { toHex } from '../../../../../src/domain/bytes.js'
import { CLASS_ID } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const floorAtTheTop: DeviceAttack = {
  name: 'floor-at-the-top',
  threat: 'row 7; row 12; TUF: fast-forward',
  does: 'sets a sequence floor of 2^53-1 with the stolen KRL key; a root of a new epoch must bring the device back',
  run: async (scene) => {
    const floors = new Map([[toHex(CLASS_ID), Number.MAX_SAFE_INTEGER]])
    scene.requireStuck(await scene.offer({ krl: { floors } }), 'ROLLBACK')
    const { bytes } = await scene.trust.nextRoot({ epoch: 2 })
    return scene.offer({ krl: { number: 3, epoch: 2 } }, { roots: [bytes] })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 13, code: 'ROLLBACK' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'offered.epoch > held.epoch ? forgetKrls(state) : { ...state, krl: keepRevoked(state, offered) }',
      replace: '{ ...state, krl: keepRevoked(state, offered) }',
    },
  ],
}
