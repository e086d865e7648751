import type { DeviceAttack } from '../../../device-attack.js'

export const assignmentOfAnotherNamespace: DeviceAttack = {
  name: 'assignment-of-another-namespace',
  threat: 'row 13',
  does: 'offers an assignment of another namespace, signed by the same key',
  run: (scene) => scene.offer({ assignment: { namespace: 'gateway/dev' } }),
  expected: { step: 10, code: 'WRONG_NAMESPACE' },
  guard: [
    {
      file: 'src/domain/trust/check-assignment.ts',
      find: 'if (assignment.namespace !== root.namespace)',
      replace: 'if (false)',
    },
  ],
}
