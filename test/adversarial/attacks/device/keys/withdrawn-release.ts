import type { DeviceAttack } from '../../../device-attack.js'

export const withdrawnRelease: DeviceAttack = {
  name: 'withdrawn-release',
  threat: 'row 6',
  does: 'assigns a withdrawn release, with the stolen assignment key',
  run: async (scene) => {
    const manifests = [{ digest: scene.digestOf(await scene.answer()), reason: 4 }]
    return scene.offer({ krl: { number: 2, manifests } })
  },
  expected: { step: 11, code: 'MANIFEST_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (state.krl?.manifests.has(digest) === true) throw new Refusal('MANIFEST_REVOKED', { digest })",
      replace: '',
    },
  ],
}
