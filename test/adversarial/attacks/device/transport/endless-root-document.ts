import type { DeviceAttack } from '../../../device-attack.js'

export const endlessRootDocument: DeviceAttack = {
  name: 'endless-root-document',
  threat: 'TUF: endless data',
  does: 'answers with a root that is larger than a root can be',
  run: async (scene) => {
    scene.server.roots.set(2, new Uint8Array(1_000_000))
    return scene.offer({ freshness: { rootVersion: 2 } })
  },
  expected: { step: 2, code: 'UNREACHABLE', detail: { why: 'an answer of more than 65536 bytes' } },
  unguarded: { step: 2, code: 'DOCUMENT_TOO_LARGE' },
  guard: [
    {
      file: 'device-sim/http-exchange.ts',
      find: 'if (size > maxBytes) throw',
      replace: 'if (false) throw',
    },
  ],
}
