import type { DeviceAttack } from '../../../device-attack.js'

export const heldKrlBelowRoot: DeviceAttack = {
  name: 'held-krl-below-root',
  threat: 'row 11; TUF: rollback',
  does: 'hides the KRL that a new root demands, and goes on with the one that the device holds',
  run: async (scene) => {
    await scene.install()
    const { bytes } = await scene.trust.nextRoot({ leastKrlNumber: 5 })
    const { krl: hidden, ...answer } = await scene.answer({ sequence: 6 })
    if (hidden === undefined) throw new Error('there is no KRL to hide')
    scene.server.answer = { ...answer, roots: [bytes] }
    return scene.poll()
  },
  expected: { step: 7, code: 'KRL_OLD', detail: { held: 5, offered: 1 } },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "if (krl.number < leastKrlNumber) return new Refusal('KRL_OLD', { held: leastKrlNumber, offered: krl.number })",
      replace: '',
    },
  ],
}
