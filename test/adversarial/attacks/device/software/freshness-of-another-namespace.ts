import type { DeviceAttack } from '../../../device-attack.js'

export const freshnessOfAnotherNamespace: DeviceAttack = {
  name: 'freshness-of-another-namespace',
  threat: 'row 13',
  does: 'offers a freshness statement of another namespace, signed by the same key',
  run: (scene) => scene.offer({ freshness: { namespace: 'gateway/dev' } }),
  expected: { step: 9, code: 'WRONG_NAMESPACE' },
  guard: [
    {
      file: 'src/domain/trust/check-freshness.ts',
      find: 'if (freshness.namespace !== root.namespace)',
      replace: 'if (false)',
    },
  ],
}
