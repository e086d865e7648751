import type { Attack } from '../attack.js'

export const noFreshness: Attack = {
  name: 'no-freshness',
  group: 'time',
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
      find: 'const freshness = openFreshness(state, requireOffered',
      replace: 'if (offer.freshness === null) return\n    const freshness = openFreshness(state, requireOffered',
    },
  ],
}
