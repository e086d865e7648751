import { makeSoftKeys } from '../../../../support/soft-key.js'
import { signRoot } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const tooManyRootSignatures: DeviceAttack = {
  name: 'too-many-root-signatures',
  threat: 'row 17',
  does: 'puts more signatures under a root than any quorum has',
  run: async (scene) => {
    const { trust } = scene
    const keys = [...trust.rootKeys, ...makeSoftKeys(64)]
    const root = { ...trust.root, version: 2, ...rootListing(trust.root, NOW, 'root', keys) }
    return scene.offer({}, { roots: [await signRoot(root, keys)] })
  },
  expected: { step: 2, code: 'COSE_MALFORMED' },
  guard: [
    {
      file: 'src/domain/cose/sign.ts',
      find: 'list.length > MAX_SIGNATURES',
      replace: 'false',
    },
  ],
}
