import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import { encodeSign1 } from '../../../../../src/domain/cose/sign1.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { envelopeOf } from '../../../thief.js'

export const emptySignature: DeviceAttack = {
  name: 'empty-signature',
  threat: 'a signature of zero bytes skips the check',
  does: 'puts no byte in the place of the signature of a release',
  run: (scene) => {
    const { alg, keyId } = scene.trust.roleKey('manifest-a')
    const block = encodeSign1(encodeProtected(alg, keyId), null, new Uint8Array(0))
    const manifest = scene.fixture.manifest()
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [block]) })
  },
  expected: { step: 12, code: 'SIGNATURE_INVALID' },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: '!algorithm.verify(pinned.key, message, claimed.signature)',
      replace: '(claimed.signature.length > 0 && !algorithm.verify(pinned.key, message, claimed.signature))',
    },
  ],
}
