import { toHex } from '../../../../../src/domain/bytes.js'
import { CLASS_ID } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const loweredKrlFloor: DeviceAttack = {
  name: 'lowered-krl-floor',
  threat: 'row 7; rollback with the KRL key',
  does: 'takes a floor back in a newer KRL, with the stolen KRL key',
  run: async (scene) => {
    await scene.offer({ krl: { floors: new Map([[toHex(CLASS_ID), 6]]) } })
    return scene.offer({ krl: { number: 2, floors: new Map([[toHex(CLASS_ID), 1]]) } })
  },
  expected: { step: 13, code: 'ROLLBACK', detail: { offered: 5, floor: 6 } },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'floors.set(classId, Math.max(floor, floors.get(classId) ?? 0))',
      replace: 'floors.set(classId, floor)',
    },
  ],
}
