import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import { encodeSign1 } from '../../../../../src/domain/cose/sign1.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { envelopeOf } from '../../../thief.js'

export const zeroSignature: DeviceAttack = {
  name: 'zero-signature',
  threat: 'row 4',
  does: 'fills the signature of a release with zeros',
  run: (scene) => {
    const { alg, keyId } = scene.trust.roleKey('manifest-a')
    const block = encodeSign1(encodeProtected(alg, keyId), null, new Uint8Array(64))
    const manifest = scene.fixture.manifest()
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [block]) })
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
