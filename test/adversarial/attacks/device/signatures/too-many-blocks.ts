import { makeSoftKeys } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const tooManyBlocks: DeviceAttack = {
  name: 'too-many-blocks',
  threat: 'row 17',
  does: 'makes the device look at more blocks than anybody needs, each of them good',
  run: async (scene) => {
    const { trust } = scene
    const keys = [trust.roleKey('manifest-a'), ...makeSoftKeys(8)]
    const { bytes } = await trust.nextRoot(rootListing(trust.root, NOW, 'manifest-a', keys))
    return scene.offer({ manifestKeys: keys }, { roots: [bytes] })
  },
  expected: { step: 12, code: 'ENVELOPE_BLOCK' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (blocks.length > MAX_BLOCKS)',
      replace: 'if (false)',
    },
  ],
}
