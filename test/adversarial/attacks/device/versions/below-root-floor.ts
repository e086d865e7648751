import { toHex } from '../../../../../src/domain/bytes.js'
import { CLASS_ID } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const belowRootFloor: DeviceAttack = {
  name: 'below-root-floor',
  threat: 'row 10; TUF: rollback',
  does: 'assigns a release below the floor of the root to a device new from the shelf',
  fixture: { root: { floors: new Map([[toHex(CLASS_ID), 6]]) } },
  run: (scene) => scene.offer(),
  expected: { step: 13, code: 'ROLLBACK', detail: { offered: 5, floor: 6 } },
  guard: [
    {
      file: 'src/domain/trust/trust-state.ts',
      find: 'Math.max(state.root.floors.get(classId) ?? 0, state.krl?.floors.get(classId) ?? 0)',
      replace: 'state.krl?.floors.get(classId) ?? 0',
    },
  ],
}
