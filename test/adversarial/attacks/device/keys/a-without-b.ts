import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const aWithoutB: DeviceAttack = {
  name: 'a-without-b',
  threat: 'row 4; TUF: key compromise below the threshold',
  does: 'signs with manifest-a alone where the root lists manifest-b too',
  run: async (scene) => {
    const { trust } = scene
    const { bytes } = await trust.nextRoot(rootListing(trust.root, NOW, 'manifest-b', [makeSoftKey()]))
    return scene.offer({}, { roots: [bytes] })
  },
  expected: { step: 12, code: 'SIGNATURE_MISSING', detail: { role: 'manifest-b' } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (row === undefined) return role === 'manifest-b'",
      replace: "if (row === undefined || role === 'manifest-b') return role === 'manifest-b'",
    },
  ],
}
