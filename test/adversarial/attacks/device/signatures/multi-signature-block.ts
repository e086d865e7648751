import { encodeSign, makeOneSignature } from '../../../../../src/domain/cose/sign.js'
import { encodeSuitDigest } from '../../../../../src/domain/suit/digest.js'
import { manifestSha256 } from '../../../../../src/domain/suit/envelope.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy, envelopeOf } from '../../../thief.js'

export const multiSignatureBlock: DeviceAttack = {
  name: 'multi-signature-block',
  threat: 'row 18',
  does: 'puts a COSE_Sign object among the blocks of a good release',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const one = await makeOneSignature(key, encodeSuitDigest(manifestSha256(manifest)), new Uint8Array(0))
    const block = encodeSign(encodeSuitDigest(manifestSha256(manifest)), [one])
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [await blockBy(key, manifest), block]) })
  },
  expected: { step: 12, code: 'CBOR_MALFORMED', detail: { why: 'tag 98' } },
  unguarded: { step: 12, code: 'CBOR_TOO_LARGE' },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: 'if (this.limits.tags?.includes(tag) !== true) throw malformed(start, `tag ${tag}`)',
      replace: '',
    },
  ],
}
