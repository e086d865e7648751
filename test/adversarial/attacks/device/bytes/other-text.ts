import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import { CborTag } from '../../../../../src/domain/cbor/value.js'
import { encodeText } from '../../../../../src/domain/suit/text.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const otherText: DeviceAttack = {
  name: 'other-text',
  threat: 'envelope members outside the digest',
  does: 'shows people another text than the signed one',
  run: (scene) =>
    scene.offer({}, (answer) => {
      const members = new Map(scene.membersOf(answer.envelope)).set(23, encodeText({ description: 'harmless' }))
      return { envelope: encodeCbor(new CborTag(107, members)) }
    }),
  expected: { step: 13, code: 'DIGEST_MISMATCH', detail: { what: 'text' } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (!equalBytes(found, manifest.textSha256))',
      replace: 'if (false)',
    },
  ],
}
