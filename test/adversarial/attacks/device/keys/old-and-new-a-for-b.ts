import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const oldAndNewAForB: DeviceAttack = {
  name: 'old-and-new-a-for-b',
  threat: 'row 4; A-old and A-new for A and B',
  does: 'signs with the old and the new manifest-a key in the place of manifest-a and manifest-b',
  run: async (scene) => {
    const { trust } = scene
    const keys = [trust.roleKey('manifest-a'), makeSoftKey()]
    const withA = { ...trust.root, ...rootListing(trust.root, NOW, 'manifest-a', keys) }
    const { bytes } = await trust.nextRoot(rootListing(withA, NOW, 'manifest-b', [makeSoftKey()]))
    return scene.offer({ manifestKeys: keys }, { roots: [bytes] })
  },
  expected: { step: 12, code: 'SIGNATURE_MISSING', detail: { role: 'manifest-b' } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'row.keyIds.filter((keyId) => counted.includes(keyId)).length >= row.threshold',
      replace: 'counted.length >= manifestRoles.length',
    },
  ],
}
