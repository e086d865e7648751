import { classIdOf } from '../../../../../src/domain/suit/identifiers.js'
import { VENDOR_ID } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const otherClass: DeviceAttack = {
  name: 'other-class',
  threat: 'row 13; TUF: wrong software',
  does: 'assigns a signed release of another hardware revision',
  run: (scene) => scene.offer({ manifest: { classId: classIdOf(VENDOR_ID, 'gateway', 'rev-c', 'prod') } }),
  expected: { step: 13, code: 'WRONG_CLASS' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (!equalBytes(manifest.classId, target.classId))',
      replace: 'if (false)',
    },
  ],
}
