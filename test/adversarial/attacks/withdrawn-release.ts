import type { Attack } from '../attack.js'

export const withdrawnRelease: Attack = {
  name: 'withdrawn-release',
  group: 'keys',
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
