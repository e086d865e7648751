import type { DeviceAttack } from '../../../device-attack.js'

export const revocationsWithoutEnd: DeviceAttack = {
  name: 'revocations-without-end',
  threat: 'row 7; TUF: endless data',
  does: 'fills the memory of a device with revocations, KRL by KRL, with the stolen KRL key',
  run: async (scene) => {
    const manifestsFrom = (first: number) =>
      Array.from({ length: 9_000 }, (_, index) => ({
        digest: (first + index).toString(16).padStart(64, '0'),
        reason: 1,
      }))
    await scene.install({ krl: { manifests: manifestsFrom(0) } })
    return scene.offer({ sequence: 6, krl: { number: 2, manifests: manifestsFrom(9_000) } })
  },
  expected: { step: 8, code: 'KRL_CAP', detail: { limit: 16_384 } },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'if (entriesOf(united) > MAX_KRL_ENTRIES)',
      replace: 'if (false)',
    },
  ],
}
