import type { DeviceAttack } from '../../../device-attack.js'

export const replayedNonce: DeviceAttack = {
  name: 'replayed-nonce',
  threat: 'row 8; replay',
  does: 'answers a device without a clock with the statement for an earlier nonce',
  run: async (scene) => {
    await scene.enrol({ clockSeconds: () => null })
    return scene.offer({ freshness: { nonce: new Uint8Array(16) } })
  },
  expected: { step: 4, code: 'FRESHNESS_NONCE' },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'if (freshness.nonce === undefined || !equalBytes(freshness.nonce, nonce)) throw',
      replace: 'if (false) throw',
    },
  ],
}
