import type { DeviceAttack } from '../../../device-attack.js'

export const unsignedRelease: DeviceAttack = {
  name: 'unsigned-release',
  threat: 'row 2; row 6; TUF: arbitrary software',
  does: 'assigns firmware that nobody signed, with the stolen assignment key',
  run: (scene) => scene.offer({ manifestKeys: [] }),
  expected: { step: 12, code: 'SIGNATURE_MISSING', detail: { role: 'manifest-a' } },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (!isRoleMet(state, role, counted)) throw new Refusal('SIGNATURE_MISSING', { role })",
      replace: 'void role',
    },
  ],
}
