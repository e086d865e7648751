import { makeSoftKeys } from '../../../../support/soft-key.js'
import { signRoot } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const rootItsHoldersDidNotSign: DeviceAttack = {
  name: 'root-its-holders-did-not-sign',
  threat: 'row 9',
  does: 'has the old holders hand the root to keys that never signed it: the next root could not be made',
  run: async (scene) => {
    const { trust } = scene
    const lost = makeSoftKeys(2)
    const root = { ...trust.root, version: 2, ...rootListing(trust.root, NOW, 'root', lost, { threshold: 2 }) }
    return scene.offer({}, { roots: [await signRoot(root, trust.rootKeys)] })
  },
  expected: { step: 2, code: 'THRESHOLD_NOT_MET', detail: { role: 'root', needed: 2, counted: 0 } },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: "opened.requireThreshold(offered, 'root', nothingRevoked, null)",
      replace: '',
    },
  ],
}
