import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import { cborMap } from '../../../../../src/domain/cbor/value.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy, envelopeOf } from '../../../thief.js'

export const criticalHeader: DeviceAttack = {
  name: 'critical-header',
  threat: 'row 18',
  does: 'marks a header as critical that the device does not know',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const header = encodeCbor(
      cborMap([
        [1, key.alg],
        [2, 99],
        [4, key.keyId],
      ]),
    )
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, [await blockBy(key, manifest, header)]) })
  },
  expected: { step: 12, code: 'COSE_MALFORMED', detail: { why: 'unexpected member in the protected header' } },
  guard: [
    {
      file: 'src/domain/cose/headers.ts',
      find: "if (header.size !== (keyId === undefined ? 1 : 2)) throw malformed('unexpected member in the protected header')",
      replace: '',
    },
  ],
}
