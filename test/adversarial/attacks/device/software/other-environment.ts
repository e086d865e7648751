import { classIdOf } from '../../../../../src/domain/suit/identifiers.js'
import { VENDOR_ID } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const otherEnvironment: DeviceAttack = {
  name: 'other-environment',
  threat: 'row 13; TUF: wrong software',
  does: 'assigns the development build of the very same hardware',
  run: (scene) => scene.offer({ manifest: { classId: classIdOf(VENDOR_ID, 'gateway', 'rev-b', 'dev') } }),
  expected: { step: 13, code: 'WRONG_CLASS' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (!equalBytes(manifest.classId, target.classId))',
      replace: 'if (false)',
    },
  ],
}
