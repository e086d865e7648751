import type { DeviceAttack } from '../../../device-attack.js'

export const withheldKrl: DeviceAttack = {
  name: 'withheld-krl',
  threat: 'row 11; TUF: freeze',
  does: 'keeps the KRL back that the freshness statement names',
  run: (scene) => scene.offer({ freshness: { krlNumber: 2 } }),
  expected: { step: 9, code: 'FRESHNESS_KRL', detail: { held: 1, named: 2 } },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: "if (freshness.krlNumber > held) throw new Refusal('FRESHNESS_KRL', { held, named: freshness.krlNumber })",
      replace: '',
    },
  ],
}
