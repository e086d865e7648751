import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const expiredRoot: DeviceAttack = {
  name: 'expired-root',
  threat: 'row 11; TUF: freeze',
  does: 'keeps the successor of a root back whose life is over',
  fixture: { root: { expires: NOW } },
  run: (scene) => scene.offer(),
  expected: { step: 5, code: 'ROOT_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/accept-update.ts',
      find: "if (now >= expires) throw new Refusal('ROOT_EXPIRED', { expires, now })",
      replace: 'void expires',
    },
  ],
}
