import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import { CborTag } from '../../../../../src/domain/cbor/value.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const integratedPayload: DeviceAttack = {
  name: 'integrated-payload',
  threat: 'envelope members outside the digest',
  does: 'adds a payload to the envelope, outside of the digest',
  run: (scene) =>
    scene.offer({}, (answer) => {
      const members = new Map(scene.membersOf(answer.envelope)).set('#firmware', new Uint8Array(16))
      return { envelope: encodeCbor(new CborTag(107, members)) }
    }),
  expected: { step: 11, code: 'ENVELOPE_MEMBER' },
  guard: [
    {
      file: 'src/domain/suit/envelope.ts',
      find: "if (key !== 2 && key !== 3 && key !== 23) throw new Refusal('ENVELOPE_MEMBER', { member: String(key) })",
      replace: 'void key',
    },
  ],
}
