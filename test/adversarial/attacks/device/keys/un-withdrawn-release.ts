import type { DeviceAttack } from '../../../device-attack.js'

export const unWithdrawnRelease: DeviceAttack = {
  name: 'un-withdrawn-release',
  threat: 'row 7',
  does: 'leaves a withdrawn release out of the next KRL, with the stolen KRL key',
  run: async (scene) => {
    const manifests = [{ digest: scene.digestOf(await scene.answer()), reason: 4 }]
    scene.requireStuck(await scene.offer({ krl: { number: 2, manifests } }), 'MANIFEST_REVOKED')
    return scene.offer({ krl: { number: 3 } })
  },
  expected: { step: 11, code: 'MANIFEST_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'const manifests = new Map(held?.manifests)',
      replace: 'const manifests = new Map<string, number>()',
    },
  ],
}
