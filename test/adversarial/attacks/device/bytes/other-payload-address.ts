import { decodeCbor } from '../../../../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { requireArray, requireBytes, respun } from '../../../thief.js'

export const otherPayloadAddress: DeviceAttack = {
  name: 'other-payload-address',
  threat: 'extra commands',
  does: 'has a manifest signed that fetches from an address of its own',
  run: (scene) =>
    scene.offerManifest(
      respun(scene.fixture.manifest(), 20, (install) => {
        const [set, , ...commands] = requireArray(decodeCbor(requireBytes(install)))
        return encodeCbor([set ?? null, new Map([[21, 'http://elsewhere.example/image']]), ...commands])
      }),
    ),
  expected: {
    step: 13,
    code: 'MANIFEST_TEMPLATE',
    detail: { at: 'member 20 install', why: 'differs from the template' },
  },
  guard: [
    {
      file: 'src/domain/suit/manifest.ts',
      find: 'if (!equalBytes(encodeManifest(manifest), bytes))',
      replace: 'if (false)',
    },
  ],
}
