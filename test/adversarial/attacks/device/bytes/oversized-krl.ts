import type { DeviceAttack } from '../../../device-attack.js'

export const oversizedKrl: DeviceAttack = {
  name: 'oversized-krl',
  threat: 'row 17; oversized CBOR',
  does: 'sends a KRL of two megabytes',
  run: (scene) => scene.offer({}, { krl: new Uint8Array(2 * 1024 * 1024) }),
  expected: { step: 1, code: 'DOCUMENT_MALFORMED', detail: { field: 'krl' } },
  unguarded: { step: 6, code: 'DOCUMENT_TOO_LARGE' },
  guard: [
    {
      file: 'src/protocol/device-http.ts',
      find: "readBlob(fields, MAX_KRL_BYTES)('krl')",
      replace: "readBlob(fields, MAX_ANSWER_BYTES)('krl')",
    },
  ],
}
