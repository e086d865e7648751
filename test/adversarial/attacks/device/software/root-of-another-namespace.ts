import type { DeviceAttack } from '../../../device-attack.js'

export const rootOfAnotherNamespace: DeviceAttack = {
  name: 'root-of-another-namespace',
  threat: 'row 13',
  does: 'offers the next root of another product whose holders are the same people',
  run: async (scene) => {
    const { bytes } = await scene.trust.nextRoot({ namespace: 'gateway/dev' })
    return scene.offer({}, { roots: [bytes] })
  },
  expected: { step: 2, code: 'WRONG_NAMESPACE', detail: { expected: 'gateway/prod', found: 'gateway/dev' } },
  unguarded: { step: 6, code: 'WRONG_NAMESPACE' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'if (offered.namespace !== held.namespace)',
      replace: 'if (false)',
    },
  ],
}
