import type { DeviceAttack } from '../../../device-attack.js'
import { rootsOfTwoYears } from '../../../later.js'

export const intermediateRootExpired: DeviceAttack = {
  name: 'intermediate-root-expired',
  threat: 'nobody attacks: new from the shelf',
  does: 'walks roots whose holders have keys that are past their life; that life must not be asked',
  fixture: { root: { version: 25 } },
  run: async (scene) => {
    const { embedded, chain } = await rootsOfTwoYears(scene.trust)
    await scene.enrol({ root1: embedded })
    return scene.offer({ freshness: { rootVersion: 25 } }, { roots: chain })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 2, code: 'KEY_NOT_ACTIVE' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: "opened.requireThreshold(held, 'root', nothingRevoked, null)",
      replace: "opened.requireThreshold(held, 'root', nothingRevoked, held.expires)",
    },
  ],
}
