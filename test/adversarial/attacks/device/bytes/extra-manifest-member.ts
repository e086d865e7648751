import { encodeCbor } from '../../../../../src/domain/cbor/encode.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { respun } from '../../../thief.js'

export const extraManifestMember: DeviceAttack = {
  name: 'extra-manifest-member',
  threat: 'extra commands',
  does: 'has a manifest signed with a sequence more than the template has',
  run: (scene) => scene.offerManifest(respun(scene.fixture.manifest(), 24, () => encodeCbor([23, 2]))),
  expected: { step: 13, code: 'MANIFEST_TEMPLATE', detail: { at: 'member 24 uninstall', why: 'not in the template' } },
  guard: [
    {
      file: 'src/domain/suit/manifest.ts',
      find: 'if (!equalBytes(encodeManifest(manifest), bytes))',
      replace: 'if (false)',
    },
  ],
}
