import { vendorIdOf } from '../../../../../src/domain/suit/identifiers.js'
import type { DeviceAttack } from '../../../device-attack.js'

export const otherVendor: DeviceAttack = {
  name: 'other-vendor',
  threat: 'row 13; TUF: wrong software',
  does: 'assigns a signed release of another vendor',
  run: (scene) => scene.offer({ manifest: { vendorId: vendorIdOf('other.example') } }),
  expected: { step: 13, code: 'WRONG_VENDOR' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (!equalBytes(manifest.vendorId, target.vendorId))',
      replace: 'if (false)',
    },
  ],
}
