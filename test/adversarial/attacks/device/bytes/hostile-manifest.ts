import type { DeviceAttack } from '../../../device-attack.js'
import { envelopeOf } from '../../../thief.js'

export const hostileManifest: DeviceAttack = {
  name: 'hostile-manifest',
  threat: 'row 17',
  does: 'puts bytes that are no CBOR in the place of the manifest: nobody may parse them before a signature holds',
  run: (scene) => {
    const manifest = new Uint8Array(500).fill(0xff)
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, []) })
  },
  expected: { step: 12, code: 'SIGNATURE_MISSING' },
  unguarded: { step: 13, code: 'CBOR_MALFORMED' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: "if (!isRoleMet(state, role, counted)) throw new Refusal('SIGNATURE_MISSING', { role })",
      replace: 'void role',
    },
  ],
}
