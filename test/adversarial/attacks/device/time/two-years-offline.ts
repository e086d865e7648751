import type { DeviceAttack } from '../../../device-attack.js'
import { rootsOfTwoYears } from '../../../later.js'

export const twoYearsOffline: DeviceAttack = {
  name: 'two-years-offline',
  threat: 'nobody attacks: off for two years',
  does: 'is switched on again; it must walk all roots, take the KRL and update',
  fixture: { root: { version: 25 } },
  run: async (scene) => {
    const { embedded, chain } = await rootsOfTwoYears(scene.trust)
    await scene.enrol({ root1: embedded })
    return scene.offer({ freshness: { rootVersion: 25 } }, { roots: chain })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 2, code: 'ROOT_WALK_TOO_LONG' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'export const MAX_ROOT_WALK = 1_024',
      replace: 'export const MAX_ROOT_WALK = 16',
    },
  ],
}
