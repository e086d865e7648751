import type { DeviceAttack } from '../../../device-attack.js'
import { rootsOfTwoYears } from '../../../later.js'

export const rootsToBeFetched: DeviceAttack = {
  name: 'roots-to-be-fetched',
  threat: 'nobody attacks: new from the shelf',
  does: 'gets an answer without the roots it lacks; it must ask for them, one by one',
  fixture: { root: { version: 25 } },
  run: async (scene) => {
    const { embedded, chain } = await rootsOfTwoYears(scene.trust)
    await scene.enrol({ root1: embedded })
    chain.forEach((bytes, index) => scene.server.roots.set(index + 2, bytes))
    return scene.offer({ freshness: { rootVersion: 25 } })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 5, code: 'ROOT_EXPIRED' },
  guard: [
    {
      file: 'device-sim/trust-desk.ts',
      find: "'ROOT_EXPIRED', ",
      replace: '',
    },
  ],
}
