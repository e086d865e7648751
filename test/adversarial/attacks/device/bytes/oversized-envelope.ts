import type { DeviceAttack } from '../../../device-attack.js'

export const oversizedEnvelope: DeviceAttack = {
  name: 'oversized-envelope',
  threat: 'row 17; oversized CBOR',
  does: 'sends an envelope of more than 64 KiB',
  run: (scene) => scene.offer({}, { envelope: new Uint8Array(65_537) }),
  expected: { step: 1, code: 'DOCUMENT_MALFORMED', detail: { field: 'envelope' } },
  unguarded: { step: 11, code: 'DOCUMENT_TOO_LARGE' },
  guard: [
    {
      file: 'src/protocol/device-http.ts',
      find: "readBlob(fields, MAX_ENVELOPE_BYTES)('envelope')",
      replace: "readBlob(fields, MAX_ANSWER_BYTES)('envelope')",
    },
  ],
}
