import type { DeviceAttack } from '../../../device-attack.js'

export const reusedSequence: DeviceAttack = {
  name: 'reused-sequence',
  threat: 'row 10; same number, other content',
  does: 'assigns other content under the number that is installed',
  run: async (scene) => {
    await scene.install()
    return scene.offer({ image: new Uint8Array(100).fill(9) })
  },
  expected: { step: 13, code: 'SEQUENCE_REUSED', detail: { sequence: 5 } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (manifest.sequence === state.installedSequence && state.installedDigest !== toHex(envelope.claimedSha256))',
      replace: 'if (false)',
    },
  ],
}
