import type { DeviceAttack } from '../../../device-attack.js'
import { rootsOfTwoYears } from '../../../later.js'

export const embeddedRootExpired: DeviceAttack = {
  name: 'embedded-root-expired',
  threat: 'nobody attacks: new from the shelf',
  does: 'is unpacked years later; the expiry of the root in its firmware must not block the walk',
  fixture: { root: { version: 25 } },
  run: async (scene) => {
    const { embedded, chain } = await rootsOfTwoYears(scene.trust)
    await scene.enrol({ root1: embedded })
    return scene.offer({}, { roots: chain })
  },
  expected: { step: 16, code: 'CONFIRMED' },
  unguarded: { step: 2, code: 'ROOT_EXPIRED' },
  guard: [
    {
      file: 'src/domain/trust/accept-update.ts',
      find: 'atStep(2, () => walkRoots(state, offer.roots, algorithms, keep))',
      replace:
        "atStep(2, () => {\n    if ((context.clockSeconds ?? 0) >= state.root.expires) throw new Refusal('ROOT_EXPIRED', { expires: state.root.expires, now: 0 })\n    walkRoots(state, offer.roots, algorithms, keep)\n  })",
    },
  ],
}
