import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const krlKeyRevokesItsSuccessor: DeviceAttack = {
  name: 'krl-key-revokes-its-successor',
  threat: 'row 7',
  does: 'revokes the next KRL key with the stolen one, to stay the only one',
  run: async (scene) => {
    const { trust, fixture } = scene
    const successor = makeSoftKey()
    const { bytes } = await trust.nextRoot(rootListing(trust.root, NOW, 'krl', [trust.roleKey('krl'), successor]))
    const keys = [{ keyId: successor.keyIdHex, reason: 1, time: NOW }]
    await scene.install({ krl: { keys } }, { roots: [bytes] })
    // Ordinary lists repeat what an emergency one said, so such an entry is no reason to refuse; it counts for nothing.
    const krl = await trust.signKrl(trust.krl({ number: 2, keys }), successor)
    return scene.offer({ sequence: 6 }, { krl, freshness: await fixture.freshness(krl, { krlNumber: 2 }) })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  // The successor is revoked: what it signs is refused, until a root with a new epoch.
  unguarded: { step: 6, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'return krl.keys.filter(({ keyId }) => !krlKeys.includes(keyId))',
      replace: 'return krl.keys',
    },
  ],
}
