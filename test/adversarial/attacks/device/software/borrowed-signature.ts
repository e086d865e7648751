import { sha256 } from '../../../../../src/domain/bytes.js'
import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import { cborMap, CborTag } from '../../../../../src/domain/cbor/value.js'
import { encodeSuitDigest } from '../../../../../src/domain/suit/digest.js'
import { manifestSha256 } from '../../../../../src/domain/suit/envelope.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy } from '../../../thief.js'

export const borrowedSignature: DeviceAttack = {
  name: 'borrowed-signature',
  threat: 'row 6; TUF: mix and match',
  does: 'puts digest and signature of a good release before a manifest of its own, and assigns that with the stolen key',
  run: async (scene) => {
    const { fixture, trust } = scene
    const good = fixture.manifest()
    const image = new Uint8Array(100).fill(0xee)
    const evil = fixture.manifest({ sequence: 6, imageSha256: sha256(image), imageSizeBytes: image.length })
    const wrapper = [encodeSuitDigest(manifestSha256(good)), await blockBy(trust.roleKey('manifest-a'), good)]
    const members = cborMap([
      [2, encodeCbor(wrapper)],
      [3, evil],
    ])
    return scene.offerManifest(evil, { envelope: encodeCbor(new CborTag(107, members)), image })
  },
  expected: { step: 11, code: 'DIGEST_MISMATCH', detail: { what: 'authentication wrapper' } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "requireSame('authentication wrapper', envelope.claimedSha256)",
      replace: '',
    },
  ],
}
