import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const expiredManifestKey: DeviceAttack = {
  name: 'expired-manifest-key',
  threat: 'key outside its life',
  does: 'signs with a manifest key whose life is over',
  run: async (scene) => {
    const { trust } = scene
    const stolen = makeSoftKey()
    const listing = rootListing(trust.root, NOW, 'manifest-a', [stolen], { life: { notAfter: NOW } })
    const { bytes } = await trust.nextRoot(listing)
    return scene.offer({ manifestKeys: [stolen] }, { roots: [bytes] })
  },
  expected: { step: 12, code: 'KEY_NOT_ACTIVE' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: 'now < notBefore || now >= notAfter',
      replace: 'now < notBefore',
    },
  ],
}
