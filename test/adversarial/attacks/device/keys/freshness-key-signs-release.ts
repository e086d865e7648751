import type { DeviceAttack } from '../../../device-attack.js'

export const freshnessKeySignsRelease: DeviceAttack = {
  name: 'freshness-key-signs-release',
  threat: 'kid of another role',
  does: 'signs a release with the stolen freshness key',
  run: (scene) => scene.offer({ manifestKeys: [scene.trust.roleKey('freshness')] }),
  expected: { step: 12, code: 'KEY_UNKNOWN' },
  unguarded: { step: 12, code: 'SIGNATURE_MISSING' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: 'if (row === undefined || !roles.some((role) => root.roles.get(role)?.keyIds.includes(name)))',
      replace: 'if (row === undefined)',
    },
  ],
}
