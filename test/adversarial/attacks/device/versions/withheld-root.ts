import type { DeviceAttack } from '../../../device-attack.js'

export const withheldRoot: DeviceAttack = {
  name: 'withheld-root',
  threat: 'row 11; TUF: freeze',
  does: 'keeps the root back that the freshness statement names',
  run: (scene) => scene.offer({ freshness: { rootVersion: 2 } }),
  expected: { step: 9, code: 'FRESHNESS_ROOT', detail: { held: 1, named: 2 } },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'if (freshness.rootVersion > root.version)',
      replace: 'if (false)',
    },
  ],
}
