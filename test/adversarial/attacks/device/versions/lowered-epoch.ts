import type { DeviceAttack } from '../../../device-attack.js'

export const loweredEpoch: DeviceAttack = {
  name: 'lowered-epoch',
  threat: 'row 11',
  does: 'has holders sign a root of an earlier epoch',
  fixture: { root: { epoch: 2 } },
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({ epoch: 1 })
    return scene.offer({ krl: { epoch: 1 } }, { roots: [bytes] })
  },
  expected: { step: 2, code: 'ROOT_FLOOR_LOWERED', detail: { what: 'epoch', held: 2, offered: 1 } },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: "requireNotLower('epoch', held.epoch, offered.epoch)",
      replace: '',
    },
  ],
}
