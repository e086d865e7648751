import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const strangerRelease: DeviceAttack = {
  name: 'stranger-release',
  threat: 'row 2; TUF: arbitrary software',
  does: 'signs firmware with a key of its own',
  run: (scene) => scene.offer({ manifestKeys: [makeSoftKey()] }),
  expected: { step: 12, code: 'KEY_UNKNOWN' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'parsed.flatMap((block) => countBlock(state, claimedSha256, block, now, algorithms))',
      replace: `parsed.flatMap((block) => {
        try { return countBlock(state, claimedSha256, block, now, algorithms) } catch { return [] }
      })`,
    },
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (!isRoleMet(state, role, counted)) throw new Refusal('SIGNATURE_MISSING', { role })",
      replace: 'void role',
    },
  ],
}
