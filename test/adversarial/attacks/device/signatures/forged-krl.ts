import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const forgedKrl: DeviceAttack = {
  name: 'forged-krl',
  threat: 'row 2',
  does: 'revokes everything in a KRL signed by a key of its own under the name of the real one',
  run: (scene) =>
    scene.offer({}, async (answer) => {
      const forger = { ...makeSoftKey(), keyId: scene.trust.roleKey('krl').keyId }
      const krl = await signPayload(forger, 'krl', scene.payloadOf(answer.krl))
      return { krl, freshness: await scene.fixture.freshness(krl) }
    }),
  expected: { step: 6, code: 'SIGNATURE_INVALID' },
  guard: [
    {
      file: 'src/domain/cose/verify.ts',
      find: '!algorithm.verify(pinned.key, message, claimed.signature)',
      replace: 'false',
    },
  ],
}
