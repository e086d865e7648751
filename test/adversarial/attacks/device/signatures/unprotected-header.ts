import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import { CborTag } from '../../../../../src/domain/cbor/value.js'
import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import { sign1Message } from '../../../../../src/domain/cose/sign1.js'
import { encodeSuitDigest } from '../../../../../src/domain/suit/digest.js'
import { manifestSha256 } from '../../../../../src/domain/suit/envelope.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { envelopeOf } from '../../../thief.js'

export const unprotectedHeader: DeviceAttack = {
  name: 'unprotected-header',
  threat: 'row 18',
  does: 'adds a key id to a block where no signature covers it',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const header = encodeProtected(key.alg, key.keyId)
    const digest = encodeSuitDigest(manifestSha256(manifest))
    const signature = await key.sign(sign1Message(header, new Uint8Array(0), digest))
    const block = encodeCbor(new CborTag(18, [header, new Map([[4, new Uint8Array(32)]]), null, signature]))
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [block]) })
  },
  expected: { step: 12, code: 'COSE_MALFORMED', detail: { why: 'unprotected header is not empty' } },
  guard: [
    {
      file: 'src/domain/cose/headers.ts',
      find: "if (!(header instanceof Map) || header.size !== 0) throw malformed('unprotected header is not empty')",
      replace: '',
    },
  ],
}
