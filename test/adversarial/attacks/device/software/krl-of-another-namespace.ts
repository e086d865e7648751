import type { DeviceAttack } from '../../../device-attack.js'

export const krlOfAnotherNamespace: DeviceAttack = {
  name: 'krl-of-another-namespace',
  threat: 'row 13',
  does: 'offers a KRL of another namespace, signed by the same key',
  run: (scene) => scene.offer({ krl: { namespace: 'gateway/dev' } }),
  expected: { step: 6, code: 'WRONG_NAMESPACE' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: 'if (krl.namespace !== root.namespace)',
      replace: 'if (false)',
    },
  ],
}
