import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const krlEquivocation: DeviceAttack = {
  name: 'krl-equivocation',
  threat: 'row 7; same number, other content',
  does: 'signs two KRLs of one number, with the stolen KRL key',
  run: async (scene) => {
    await scene.install()
    return scene.offer({ sequence: 6, krl: { issued: NOW - 9 } })
  },
  expected: { step: 6, code: 'KRL_EQUIVOCATION', detail: { number: 1 } },
  unguarded: { step: 9, code: 'KRL_EQUIVOCATION' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "if (held.sha256 !== sha256) throw new Refusal('KRL_EQUIVOCATION', { number: krl.number })",
      replace: '',
    },
  ],
}
