import { parseSign } from '../../../../../src/domain/cose/sign.js'
import { MAX_DOCUMENT_BYTES } from '../../../../../src/domain/trust/labels.js'
import { encodeSignAsGiven } from '../../../../support/sign-as-given.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const reorderedRootSignatures: DeviceAttack = {
  name: 'reordered-root-signatures',
  threat: 'row 1; duplicate signatures',
  does: 'puts the signatures of a good root in another order: one document in two forms',
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({})
    const { payload, signatures } = parseSign(bytes, MAX_DOCUMENT_BYTES)
    return scene.offer({}, { roots: [encodeSignAsGiven(payload, signatures.toReversed())] })
  },
  expected: { step: 2, code: 'COSE_MALFORMED' },
  guard: [
    {
      file: 'src/domain/cose/headers.ts',
      find: "if (order > 0) throw malformed('signatures are not in ascending order of their keyids')",
      replace: '',
    },
  ],
}
