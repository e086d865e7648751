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
  expected: { step: 12, code: 'SIGNATURE_MISSING', detail: { role: 'manifest-a' } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (!isRoleMet(state, role, counted)) throw',
      replace: 'if (envelope.blocks.length < (state.root.roles.get(role)?.threshold ?? 0)) throw',
    },
  ],
}
