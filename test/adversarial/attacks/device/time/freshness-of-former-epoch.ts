import type { DeviceAttack } from '../../../device-attack.js'

export const freshnessOfFormerEpoch: DeviceAttack = {
  name: 'freshness-of-former-epoch',
  threat: 'row 8; TUF: freeze',
  does: 'leaves the freshness statement out after a new epoch, so that the one of the epoch before serves on',
  run: async (scene) => {
    await scene.install()
    const { bytes } = await scene.trust.nextRoot({ epoch: 2 })
    const { freshness: _, ...answer } = await scene.answer({ sequence: 6, krl: { number: 2, epoch: 2 } })
    scene.server.answer = { ...answer, roots: [bytes] }
    return scene.poll()
  },
  expected: { step: 9, code: 'FRESHNESS_MISSING' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'freshness: null,',
      replace: '',
    },
  ],
}
