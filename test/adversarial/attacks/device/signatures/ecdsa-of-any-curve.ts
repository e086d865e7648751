import { ED25519, ESP256 } from '../../../../../src/domain/cose/algorithms.js'
import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import { makeP256Key } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { blockBy, envelopeOf, rootListing } from '../../../thief.js'

export const ecdsaOfAnyCurve: DeviceAttack = {
  name: 'ecdsa-of-any-curve',
  threat: 'row 18; algorithm confusion',
  does: 'signs with the right P-256 key under -7, which leaves the curve open',
  run: async (scene) => {
    const { trust } = scene
    const key = makeP256Key()
    const listing = rootListing(trust.root, NOW, 'manifest-a', [key])
    const { bytes } = await trust.nextRoot({ ...listing, algorithms: [ED25519, ESP256] })
    const manifest = scene.fixture.manifest()
    const block = await blockBy(key, manifest, encodeProtected(-7, key.keyId))
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [block]), roots: [bytes] })
  },
  expected: { step: 12, code: 'ALGORITHM_NOT_ALLOWED', detail: { alg: -7 } },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: 'if (algorithm === undefined || claimed.alg !== pinned.alg)',
      replace: 'if (algorithm === undefined)',
    },
  ],
}
