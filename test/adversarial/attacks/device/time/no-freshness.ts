import type { DeviceAttack } from '../../../device-attack.js'

export const noFreshness: DeviceAttack = {
  name: 'no-freshness',
  threat: 'row 11; TUF: freeze',
  does: 'sends no freshness statement to a device new from the shelf',
  run: async (scene) => {
    const { freshness: _, ...answer } = await scene.answer()
    scene.server.answer = answer
    return scene.poll()
  },
  expected: { step: 9, code: 'FRESHNESS_MISSING' },
  guard: [
    {
      file: 'src/domain/trust/accept-update.ts',
      find: 'const statement = requireSome(',
      replace: 'if (offer.freshness === null) return\n    const statement = requireSome(',
    },
  ],
}
