import type { DeviceAttack } from '../../../device-attack.js'

export const skippedRoot: DeviceAttack = {
  name: 'skipped-root',
  threat: 'row 9; TUF: rollback',
  does: 'leaves out a root of the chain, and what it revoked with it',
  run: async (scene) => {
    const { root } = await scene.trust.nextRoot({})
    const { bytes } = await scene.trust.nextRoot({}, root)
    return scene.offer({}, { roots: [bytes] })
  },
  expected: { step: 2, code: 'ROOT_VERSION', detail: { expected: 2, found: 3 } },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'if (offered.version !== held.version + 1)',
      replace: 'if (false)',
    },
  ],
}
