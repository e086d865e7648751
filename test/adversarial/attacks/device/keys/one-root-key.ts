import { makeSoftKey } from '../../../../support/soft-key.js'
import { signRoot } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const oneRootKey: DeviceAttack = {
  name: 'one-root-key',
  threat: 'row 9; TUF: key compromise below the threshold',
  does: 'signs the next root with one of two needed root keys',
  run: async (scene) => {
    const { trust } = scene
    const thief = makeSoftKey()
    const root = { ...trust.root, version: 2, ...rootListing(trust.root, NOW, 'manifest-a', [thief]) }
    return scene.offer({ manifestKeys: [thief] }, { roots: [await signRoot(root, trust.rootKeys.slice(0, 1))] })
  },
  expected: { step: 2, code: 'THRESHOLD_NOT_MET', detail: { role: 'root', needed: 2, counted: 1 } },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: "if (counted < needed) throw new Refusal('THRESHOLD_NOT_MET', { role, needed, counted })",
      replace: '',
    },
  ],
}
