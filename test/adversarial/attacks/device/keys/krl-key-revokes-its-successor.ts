import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const krlKeyRevokesItsSuccessor: DeviceAttack = {
  name: 'krl-key-revokes-its-successor',
  threat: 'row 7',
  does: 'revokes the next KRL key with the stolen one, to stay the only one',
  run: async (scene) => {
    const { trust } = scene
    const successor = makeSoftKey()
    const { bytes } = await trust.nextRoot(rootListing(trust.root, NOW, 'krl', [trust.roleKey('krl'), successor]))
    return scene.offer({ krl: { keys: [{ keyId: successor.keyIdHex, reason: 1, time: NOW }] } }, { roots: [bytes] })
  },
  expected: { step: 6, code: 'KRL_ENTRY_FORBIDDEN' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "...(isEmergency ? [] : idsOf('krl'))",
      replace: '',
    },
  ],
}
