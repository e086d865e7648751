import type { DeviceAttack } from '../../../device-attack.js'

export const olderRelease: DeviceAttack = {
  name: 'older-release',
  threat: 'row 10; TUF: rollback',
  does: 'assigns an older release that was signed properly',
  run: async (scene) => {
    await scene.install()
    return scene.offer({ sequence: 4 })
  },
  expected: { step: 13, code: 'ROLLBACK', detail: { offered: 4, floor: 5 } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (manifest.sequence < state.installedSequence)',
      replace: 'if (false)',
    },
  ],
}
