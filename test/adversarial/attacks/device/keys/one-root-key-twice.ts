import { makeSoftKey } from '../../../../support/soft-key.js'
import { signRoot } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const oneRootKeyTwice: DeviceAttack = {
  name: 'one-root-key-twice',
  threat: 'row 9; duplicate signatures',
  does: 'puts the signature of one root key twice under the next root',
  run: async (scene) => {
    const { trust } = scene
    const thief = makeSoftKey()
    const root = { ...trust.root, version: 2, ...rootListing(trust.root, NOW, 'manifest-a', [thief]) }
    const stolen = trust.rootKeys.slice(0, 1)
    return scene.offer({ manifestKeys: [thief] }, { roots: [await signRoot(root, [...stolen, ...stolen])] })
  },
  expected: { step: 2, code: 'SIGNATURE_DUPLICATE' },
  guard: [
    {
      file: 'src/domain/cose/headers.ts',
      find: "if (order === 0) throw new Refusal('SIGNATURE_DUPLICATE', { keyId: toHex(keyId) })",
      replace: '',
    },
  ],
}
