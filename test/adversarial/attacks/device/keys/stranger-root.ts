import { makeSoftKeys } from '../../../../support/soft-key.js'
import { signRoot } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const strangerRoot: DeviceAttack = {
  name: 'stranger-root',
  threat: 'row 9',
  does: 'signs the next root with root keys of its own alone',
  run: async (scene) => {
    const { trust } = scene
    const thieves = makeSoftKeys(2)
    const root = { ...trust.root, version: 2, ...rootListing(trust.root, NOW, 'root', thieves, { threshold: 2 }) }
    return scene.offer({}, { roots: [await signRoot(root, thieves)] })
  },
  expected: { step: 2, code: 'THRESHOLD_NOT_MET', detail: { role: 'root', needed: 2, counted: 0 } },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: "opened.requireThreshold(held, 'root', nothingRevoked, null)",
      replace: '',
    },
  ],
}
