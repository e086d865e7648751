import { concat, fromHex, toHex } from '../../../../../src/domain/bytes.js'
import { encodeSign1, parseSign1 } from '../../../../../src/domain/cose/sign1.js'
import { makeP256Key } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'

const ORDER_OF_P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

export const secondFormOfASignature: DeviceAttack = {
  name: 'second-form-of-a-signature',
  threat: 'row 1; TUF: freeze',
  does: 'turns the signature of a KRL into the other one that ECDSA has for it, once: from then on each statement about that KRL contradicts',
  fixture: { makeKey: makeP256Key },
  run: (scene) =>
    scene.offer({}, ({ krl = new Uint8Array(0) }) => {
      const { protectedBytes, payload, signature } = parseSign1(krl, krl.length)
      const s = ORDER_OF_P256 - BigInt(`0x${toHex(signature.subarray(32))}`)
      const other = concat(signature.subarray(0, 32), fromHex(s.toString(16).padStart(64, '0')))
      return { krl: encodeSign1(protectedBytes, payload, other) }
    }),
  expected: { step: 6, code: 'SIGNATURE_INVALID' },
  unguarded: { step: 9, code: 'KRL_EQUIVOCATION' },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: 'if (algorithm.canonical(claimed.signature) !== claimed.signature) throw invalid(claimed)',
      replace: '',
    },
  ],
}
