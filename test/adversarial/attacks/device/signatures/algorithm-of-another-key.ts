import { ESP256 } from '../../../../../src/domain/cose/algorithms.js'
import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy, envelopeOf } from '../../../thief.js'

export const algorithmOfAnotherKey: DeviceAttack = {
  name: 'algorithm-of-another-key',
  threat: 'row 18; algorithm confusion',
  does: 'names ESP256 in the header of a signature by an Ed25519 key',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const block = await blockBy(key, manifest, encodeProtected(ESP256, key.keyId))
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [block]) })
  },
  expected: { step: 12, code: 'ALGORITHM_NOT_ALLOWED', detail: { alg: -9 } },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: 'if (algorithm === undefined || claimed.alg !== pinned.alg)',
      replace: 'if (algorithm === undefined)',
    },
  ],
}
