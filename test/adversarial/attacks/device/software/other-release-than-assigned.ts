import type { DeviceAttack } from '../../../device-attack.js'

export const otherReleaseThanAssigned: DeviceAttack = {
  name: 'other-release-than-assigned',
  threat: 'TUF: mix and match',
  does: 'sends the assignment of one release with the envelope of another; both are genuine',
  run: async (scene) => {
    const { envelope } = await scene.answer({ sequence: 7 })
    return scene.offer({ sequence: 6 }, envelope === undefined ? {} : { envelope })
  },
  expected: { step: 11, code: 'DIGEST_MISMATCH', detail: { what: 'assignment' } },
  unguarded: { step: 13, code: 'ASSIGNMENT_SEQUENCE' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (expected !== null) requireSame('assignment', expected)",
      replace: '',
    },
  ],
}
