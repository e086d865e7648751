import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const oneBlockTwice: DeviceAttack = {
  name: 'one-block-twice',
  threat: 'row 4; duplicate signatures',
  does: 'puts one manifest-a signature twice where two keys are needed',
  run: async (scene) => {
    const { trust } = scene
    const known = trust.roleKey('manifest-a')
    const listing = rootListing(trust.root, NOW, 'manifest-a', [known, makeSoftKey()], { threshold: 2 })
    const { bytes } = await trust.nextRoot(listing)
    return scene.offer({ manifestKeys: [known, known] }, { roots: [bytes] })
  },
  expected: { step: 12, code: 'SIGNATURE_DUPLICATE' },
  // Passed over, it is counted once still.
  unguarded: { step: 12, code: 'SIGNATURE_MISSING', detail: { role: 'manifest-a' } },
  guard: [
    {
      file: 'src/domain/cose/headers.ts',
      find: "if (order === 0) throw new Refusal('SIGNATURE_DUPLICATE', { keyId: toHex(keyId) })",
      replace: '',
    },
  ],
}
