import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const deadKrl: DeviceAttack = {
  name: 'dead-krl',
  threat: 'row 8; TUF: freeze',
  does: 'calls a KRL past its hard expiry fresh, with the stolen freshness key',
  run: (scene) => scene.offer({ krl: { hardExpiry: NOW } }),
  expected: { step: 7, code: 'KRL_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "return now >= hardExpiry ? new Refusal('KRL_EXPIRED', { hardExpiry, now }) : null",
      replace: 'return null',
    },
  ],
}
