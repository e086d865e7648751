import type { DeviceAttack } from '../../../device-attack.js'

export const endlessRoots: DeviceAttack = {
  name: 'endless-roots',
  threat: 'TUF: endless data',
  does: 'has an answer for every root that is asked for',
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({})
    scene.server.rootForAll = bytes
    return scene.offer({ freshness: { rootVersion: Number.MAX_SAFE_INTEGER } })
  },
  expected: { step: 2, code: 'ROOT_VERSION', detail: { expected: 3, found: 2 } },
  unguarded: { step: 9, code: 'FRESHNESS_ROOT' },
  guard: [
    {
      file: 'device-sim/trust-desk.ts',
      find: 'atStep(2, () => takeRoot(trust, root, this.identity.algorithms))',
      replace: 'atStep(2, () => (trust.root.version > 1 ? trust : takeRoot(trust, root, this.identity.algorithms)))',
    },
  ],
}
