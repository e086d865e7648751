import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const reorderedBlocks: DeviceAttack = {
  name: 'reordered-blocks',
  threat: 'row 1; duplicate signatures',
  does: 'puts the two signatures of a good release in another order: one envelope in two forms',
  run: async (scene) => {
    const { trust, fixture } = scene
    const b = makeSoftKey()
    const { bytes } = await trust.nextRoot(rootListing(trust.root, NOW, 'manifest-b', [b]))
    const keys = [trust.roleKey('manifest-a'), b].toSorted((one, other) => (one.keyIdHex < other.keyIdHex ? 1 : -1))
    const manifest = fixture.manifest()
    const envelope = await fixture.envelopeAsGiven(manifest, keys)
    return scene.offerManifest(manifest, { roots: [bytes], envelope })
  },
  expected: { step: 12, code: 'COSE_MALFORMED' },
  guard: [
    {
      file: 'src/domain/cose/headers.ts',
      find: "if (order > 0) throw malformed('signatures are not in ascending order of their keyids')",
      replace: '',
    },
  ],
}
