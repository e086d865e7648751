import { encodeProtected } from '../../../../../src/domain/cose/headers.js'
import { encodeSign1 } from '../../../../../src/domain/cose/sign1.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { blockBy, envelopeOf } from '../../../thief.js'

export const tooManyBlocks: DeviceAttack = {
  name: 'too-many-blocks',
  threat: 'row 17',
  does: 'makes the device look at more blocks than anybody needs',
  run: async (scene) => {
    const key = scene.trust.roleKey('manifest-a')
    const manifest = scene.fixture.manifest()
    const junk = encodeSign1(encodeProtected(-65_000, key.keyId), null, new Uint8Array(64))
    const blocks = [...Array.from({ length: 8 }, () => junk), await blockBy(key, manifest)]
    return scene.offerManifest(manifest, { envelope: envelopeOf(manifest, blocks) })
  },
  expected: { step: 12, code: 'ENVELOPE_BLOCK' },
  guard: [
    {
      file: 'src/domain/trust/check-envelope.ts',
      find: 'if (envelope.blocks.length > MAX_BLOCKS)',
      replace: 'if (false)',
    },
  ],
}
