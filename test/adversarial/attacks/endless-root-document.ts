import type { Attack } from '../attack.js'

export const endlessRootDocument: Attack = {
  name: 'endless-root-document',
  group: 'transport',
  threat: 'TUF: endless data',
  does: 'answers with a root that is larger than a root can be',
  run: async (scene) => {
    scene.server.roots.set(2, new Uint8Array(1_000_000))
    return scene.offer({ freshness: { rootVersion: 2 } })
  },
  expected: { step: 2, code: 'UNREACHABLE', detail: { why: 'an answer of more than 65536 bytes' } },
  guard: [
    {
      file: 'device-sim/http-exchange.ts',
      find: 'if (size > maxBytes) throw',
      replace: 'if (false) throw',
    },
  ],
}
