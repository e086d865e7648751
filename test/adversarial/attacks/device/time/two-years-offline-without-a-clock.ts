import type { DeviceAttack } from '../../../device-attack.js'
import { rootsOfTwoYears } from '../../../later.js'
import { DAY, NOW } from '../../../scene.js'

export const twoYearsOfflineWithoutAClock: DeviceAttack = {
  name: 'two-years-offline-without-a-clock',
  threat: 'nobody attacks: off for two years',
  does: 'is switched on again without a clock; keys of today are not active at any time it remembers',
  fixture: { root: { version: 25, issued: NOW - 30 * DAY } },
  run: async (scene) => {
    const { embedded, chain } = await rootsOfTwoYears(scene.trust)
    await scene.enrol({ root1: embedded, clockSeconds: () => null })
    return scene.offerWithNonce({ freshness: { rootVersion: 25 } }, { roots: chain })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 4, code: 'KEY_NOT_ACTIVE' },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'requireActive(key, time)',
      replace: 'requireActive(key, state.latestSeconds)',
    },
  ],
}
