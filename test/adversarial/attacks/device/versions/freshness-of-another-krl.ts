import type { DeviceAttack } from '../../../device-attack.js'

export const freshnessOfAnotherKrl: DeviceAttack = {
  name: 'freshness-of-another-krl',
  threat: 'row 8; TUF: mix and match',
  does: 'calls another KRL of the held number fresh, with the stolen freshness key',
  run: (scene) => scene.offer({ freshness: { krlSha256: new Uint8Array(32) } }),
  expected: { step: 9, code: 'KRL_EQUIVOCATION', detail: { number: 1 } },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'if (krl !== null && freshness.krlNumber === held && toHex(freshness.krlSha256) !== krl.sha256)',
      replace: 'if (false)',
    },
  ],
}
