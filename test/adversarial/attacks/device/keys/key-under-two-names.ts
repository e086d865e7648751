import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const keyUnderTwoNames: DeviceAttack = {
  name: 'key-under-two-names',
  threat: 'row 9; duplicate signatures',
  does: 'lists one key under two key ids, so that one signature would meet a threshold of two',
  run: async (scene) => {
    const { trust } = scene
    const second = { ...makeSoftKey(), key: trust.roleKey('manifest-a').key }
    const { bytes } = await trust.nextRoot(
      rootListing(trust.root, NOW, 'manifest-a', [trust.roleKey('manifest-a'), second]),
    )
    return scene.offer({}, { roots: [bytes] })
  },
  expected: { step: 2, code: 'DOCUMENT_MALFORMED', detail: { field: '6' } },
  guard: [
    {
      file: 'src/domain/trust/root.ts',
      find: "if (keyIdHexOf(coseKey) !== keyId) throw fields.refusal(6, 'a keyid is not the thumbprint of its key')",
      replace: '',
    },
  ],
}
