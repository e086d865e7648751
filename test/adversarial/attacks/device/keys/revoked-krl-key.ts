import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const revokedKrlKey: DeviceAttack = {
  name: 'revoked-krl-key',
  threat: 'row 7',
  does: 'goes on signing KRLs after the emergency KRL revoked the KRL key',
  run: async (scene) => {
    const { trust, fixture } = scene
    const keys = [{ keyId: trust.roleKey('krl').keyIdHex, reason: 1, time: NOW }]
    const krl = await trust.signKrl(trust.krl({ number: 1_001, keys }), trust.emergencyKey)
    await scene.install({}, { krl, freshness: await fixture.freshness(krl, { krlNumber: 1_001 }) })
    return scene.offer({ sequence: 6, krl: { number: 1_002 } })
  },
  expected: { step: 6, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: "if (revoked.has(name)) throw new Refusal('KEY_REVOKED', { keyId: name })",
      replace: '',
    },
  ],
}
