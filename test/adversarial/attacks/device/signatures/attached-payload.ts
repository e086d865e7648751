import { buildSign1 } from '../../../../../src/domain/cose/sign1.js'
import { encodeSuitDigest } from '../../../../../src/domain/suit/digest.js'
import { manifestSha256 } from '../../../../../src/domain/suit/envelope.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { envelopeOf } from '../../../thief.js'

export const attachedPayload: DeviceAttack = {
  name: 'attached-payload',
  threat: 'row 17',
  does: 'attaches the payload of a block, where two readers may look at two digests',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const digest = encodeSuitDigest(manifestSha256(manifest))
    const block = await buildSign1(key, digest, new Uint8Array(0), 'attached')
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [block]) })
  },
  expected: { step: 12, code: 'ENVELOPE_BLOCK' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (parsed.payload !== null) throw new Refusal('ENVELOPE_BLOCK', { why: 'the payload of a block is not detached' })",
      replace: '',
    },
  ],
}
