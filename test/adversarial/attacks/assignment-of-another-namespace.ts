import type { Attack } from '../attack.js'

export const assignmentOfAnotherNamespace: Attack = {
  name: 'assignment-of-another-namespace',
  group: 'software',
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
