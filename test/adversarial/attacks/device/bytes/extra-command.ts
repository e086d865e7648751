import { decodeCbor } from '../../../../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { requireArray, requireBytes, respun } from '../../../thief.js'

export const extraCommand: DeviceAttack = {
  name: 'extra-command',
  threat: 'extra commands',
  does: 'has a manifest signed whose install sequence ends with one command more',
  run: (scene) =>
    scene.offerManifest(
      respun(scene.fixture.manifest(), 20, (install) =>
        encodeCbor([...requireArray(decodeCbor(requireBytes(install))), 23, 2]),
      ),
    ),
  expected: {
    step: 13,
    code: 'MANIFEST_TEMPLATE',
    detail: { at: 'install: command 23 directive-invoke', why: 'not in the template' },
  },
  guard: [
    {
      file: 'src/domain/suit/manifest.ts',
      find: 'if (!equalBytes(encodeManifest(manifest), bytes))',
      replace: 'if (false)',
    },
  ],
}
