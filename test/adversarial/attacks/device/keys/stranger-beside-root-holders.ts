import { encodeSign, makeOneSignature, parseSign } from '../../../../../src/domain/cose/sign.js'
import { labelOf, MAX_DOCUMENT_BYTES } from '../../../../../src/domain/trust/labels.js'
import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const strangerBesideRootHolders: DeviceAttack = {
  name: 'stranger-beside-root-holders',
  threat: 'row 9; duplicate signatures',
  does: 'adds a signature of its own to a root that enough holders signed, to make another document of it',
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({})
    const { payload, signatures } = parseSign(bytes, MAX_DOCUMENT_BYTES)
    const more = await makeOneSignature(makeSoftKey(), payload, labelOf('root'))
    return scene.offer({}, { roots: [encodeSign(payload, [...signatures, more])] })
  },
  expected: { step: 2, code: 'KEY_UNKNOWN' },
  guard: [{ file: 'src/domain/trust/walk-root.ts', find: "opened.requireEachCounted('root')", replace: '' }],
}
