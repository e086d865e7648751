import { decodeCbor } from '../../../../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { requireArray, requireBytes, requireMap, respun } from '../../../thief.js'

export const reorderedCommands: DeviceAttack = {
  name: 'reordered-commands',
  threat: 'reordered commands',
  does: 'has a manifest signed that checks the class before the vendor',
  run: (scene) =>
    scene.offerManifest(
      respun(scene.fixture.manifest(), 3, (common) => {
        const members = requireMap(decodeCbor(requireBytes(common)))
        const [set, parameters] = requireArray(decodeCbor(requireBytes(members.get(4))))
        const shared = [set ?? null, parameters ?? null, 2, 15, 1, 15]
        return encodeCbor(new Map(members).set(4, encodeCbor(shared)))
      }),
    ),
  expected: {
    step: 13,
    code: 'MANIFEST_TEMPLATE',
    detail: { at: 'shared-sequence: command 2 condition-class-identifier', why: 'not in its place' },
  },
  guard: [
    {
      file: 'src/domain/suit/manifest.ts',
      find: 'if (!equalBytes(encodeManifest(manifest), bytes))',
      replace: 'if (false)',
    },
  ],
}
