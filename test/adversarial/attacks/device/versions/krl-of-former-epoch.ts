import type { DeviceAttack } from '../../../device-attack.js'

export const krlOfFormerEpoch: DeviceAttack = {
  name: 'krl-of-former-epoch',
  threat: 'row 11; TUF: rollback',
  does: 'offers a KRL of the epoch before',
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({ epoch: 2 })
    return scene.offer({}, { roots: [bytes] })
  },
  expected: { step: 6, code: 'KRL_EPOCH', detail: { expected: 2, found: 1 } },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "if (krl.epoch !== root.epoch) throw new Refusal('KRL_EPOCH', { expected: root.epoch, found: krl.epoch })",
      replace: '',
    },
  ],
}
