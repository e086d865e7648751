import { createHmac } from 'node:crypto'
import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import { CborTag } from '../../../../../src/domain/cbor/value.js'
import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy, envelopeOf } from '../../../thief.js'

/** A COSE_Mac0 keyed with what is public: whoever takes it for a signature can be fooled by everybody. */
const macBy = (known: Uint8Array, protectedBytes: Uint8Array, payload: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac('sha256', known).update(protectedBytes).update(payload).digest())

export const macBesideASignature: DeviceAttack = {
  name: 'mac-beside-a-signature',
  threat: 'row 18; MAC tags',
  does: 'adds a MAC, keyed with what is public, to the blocks of a good release',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const header = encodeProtected(5, key.keyId)
    const mac = macBy(key.keyId, header, manifest)
    const block = encodeCbor(new CborTag(17, [header, new Map(), null, mac]))
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [await blockBy(key, manifest), block]) })
  },
  expected: { step: 12, code: 'CBOR_MALFORMED', detail: { why: 'tag 17' } },
  // Under the name of the key that signed, it is that one's second signature.
  unguarded: { step: 12, code: 'SIGNATURE_DUPLICATE' },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: 'if (this.limits.tags?.includes(tag) !== true) throw malformed(start, `tag ${tag}`)',
      replace: '',
    },
  ],
}
