import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy, envelopeOf } from '../../../thief.js'

export const nameOfTheRealKey: DeviceAttack = {
  name: 'name-of-the-real-key',
  threat: 'row 2; TUF: arbitrary software',
  does: 'signs with a key of its own under the name of the real one',
  run: async (scene) => {
    const forger = { ...makeSoftKey(), keyId: scene.trust.roleKey('manifest-a').keyId }
    const manifest = scene.fixture.manifest()
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [await blockBy(forger, manifest)]) })
  },
  expected: { step: 12, code: 'SIGNATURE_INVALID' },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: '!algorithm.verify(pinned.key, message, claimed.signature)',
      replace: 'false',
    },
  ],
}
