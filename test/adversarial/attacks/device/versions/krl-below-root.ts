import type { DeviceAttack } from '../../../device-attack.js'

export const krlBelowRoot: DeviceAttack = {
  name: 'krl-below-root',
  threat: 'row 11; TUF: rollback',
  does: 'offers a KRL below the least number of the root',
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({ leastKrlNumber: 5 })
    return scene.offer({}, { roots: [bytes] })
  },
  expected: { step: 6, code: 'KRL_OLD', detail: { held: 5, offered: 1 } },
  // Then it is held, and the root forbids to install under it.
  unguarded: { step: 7, code: 'KRL_OLD' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "if (krl.number < root.leastKrlNumber) throw new Refusal('KRL_OLD', { held: root.leastKrlNumber, offered: krl.number })",
      replace: '',
    },
  ],
}
