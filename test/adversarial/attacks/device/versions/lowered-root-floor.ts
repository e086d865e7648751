import { toHex } from '../../../../../src/domain/bytes.js'
import { CLASS_ID } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const loweredRootFloor: DeviceAttack = {
  name: 'lowered-root-floor',
  threat: 'row 10',
  does: 'has holders sign a root that forgets a floor',
  fixture: { root: { floors: new Map([[toHex(CLASS_ID), 5]]) } },
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({ floors: new Map() })
    return scene.offer({}, { roots: [bytes] })
  },
  expected: { step: 2, code: 'ROOT_FLOOR_LOWERED', detail: { held: 5, offered: 0 } },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: "if (after < before) throw new Refusal('ROOT_FLOOR_LOWERED', { what, held: before, offered: after })",
      replace: '',
    },
  ],
}
