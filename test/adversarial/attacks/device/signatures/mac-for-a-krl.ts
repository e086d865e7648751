import { createHmac } from 'node:crypto'
import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import { CborTag } from '../../../../../src/domain/cbor/value.js'
import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import type { DeviceAttack } from '../../../device-attack.js'

/** A COSE_Mac0 keyed with what is public: whoever takes it for a signature can be fooled by everybody. */
const macBy = (known: Uint8Array, protectedBytes: Uint8Array, payload: Uint8Array): Uint8Array =>
  new Uint8Array(createHmac('sha256', known).update(protectedBytes).update(payload).digest())

export const macForAKrl: DeviceAttack = {
  name: 'mac-for-a-krl',
  threat: 'row 18; MAC tags',
  does: 'turns the signature of a KRL into a MAC, keyed with what is public',
  run: (scene) =>
    scene.offer({}, (answer) => {
      const { keyId } = scene.trust.roleKey('krl')
      const header = encodeProtected(5, keyId)
      const payload = scene.payloadOf(answer.krl)
      return { krl: encodeCbor(new CborTag(17, [header, new Map(), payload, macBy(keyId, header, payload)])) }
    }),
  expected: { step: 6, code: 'CBOR_MALFORMED', detail: { why: 'tag 17' } },
  unguarded: { step: 6, code: 'ALGORITHM_NOT_ALLOWED' },
  guard: [
    {
      file: 'src/domain/cbor/decode.ts',
      find: 'if (this.limits.tags?.includes(tag) !== true) throw malformed(start, `tag ${tag}`)',
      replace: '',
    },
  ],
}
