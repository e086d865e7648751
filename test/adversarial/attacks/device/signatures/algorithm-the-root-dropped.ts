import { makeP256Key } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const algorithmTheRootDropped: DeviceAttack = {
  name: 'algorithm-the-root-dropped',
  threat: 'row 18',
  does: 'signs with a listed key whose algorithm the root does not allow',
  run: async (scene) => {
    const { trust } = scene
    const key = makeP256Key()
    const { bytes } = await trust.nextRoot(rootListing(trust.root, NOW, 'manifest-a', [key]))
    return scene.offer({ manifestKeys: [key] }, { roots: [bytes] })
  },
  expected: { step: 12, code: 'ALGORITHM_NOT_ALLOWED', detail: { alg: -9 } },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: "if (!root.algorithms.includes(row.alg)) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg: row.alg })",
      replace: '',
    },
  ],
}
