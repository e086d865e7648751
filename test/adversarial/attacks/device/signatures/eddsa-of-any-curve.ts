import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy, envelopeOf } from '../../../thief.js'

export const eddsaOfAnyCurve: DeviceAttack = {
  name: 'eddsa-of-any-curve',
  threat: 'row 18; algorithm confusion',
  does: 'signs with the right key under -8, which leaves the curve open',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const block = await blockBy(key, manifest, encodeProtected(-8, key.keyId))
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [block]) })
  },
  expected: { step: 12, code: 'ALGORITHM_NOT_ALLOWED', detail: { alg: -8 } },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: 'if (algorithm === undefined || claimed.alg !== pinned.alg)',
      replace: 'if (algorithm === undefined)',
    },
  ],
}
