import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const strangerBesideManifestKey: DeviceAttack = {
  name: 'stranger-beside-manifest-key',
  threat: 'row 2; duplicate signatures',
  does: 'adds a signature of its own to a good release, which counts for nothing and makes another envelope of it',
  run: (scene) => scene.offer({ manifestKeys: [scene.trust.roleKey('manifest-a'), makeSoftKey()] }),
  expected: { step: 12, code: 'KEY_UNKNOWN' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'parsed.flatMap((block) => countBlock(state, claimedSha256, block, now, algorithms))',
      replace: `parsed.flatMap((block) => {
        try { return countBlock(state, claimedSha256, block, now, algorithms) } catch { return [] }
      })`,
    },
  ],
}
