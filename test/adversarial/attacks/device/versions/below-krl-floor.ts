import { toHex } from '../../../../../src/domain/bytes.js'
import { CLASS_ID } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const belowKrlFloor: DeviceAttack = {
  name: 'below-krl-floor',
  threat: 'row 10; TUF: rollback',
  does: 'assigns a release below the floor of a KRL to a device new from the shelf',
  run: (scene) => scene.offer({ krl: { floors: new Map([[toHex(CLASS_ID), 6]]) } }),
  expected: { step: 13, code: 'ROLLBACK', detail: { offered: 5, floor: 6 } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (manifest.sequence < floor) throw new Refusal('ROLLBACK', { offered: manifest.sequence, floor })",
      replace: '',
    },
  ],
}
