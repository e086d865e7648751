import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const krlRevokesEmergencyKey: DeviceAttack = {
  name: 'krl-revokes-emergency-key',
  threat: 'row 7',
  does: 'revokes the emergency key with the stolen KRL key, to keep the device from being brought back',
  run: (scene) => {
    const { trust } = scene
    return scene.offer({ krl: { keys: [{ keyId: trust.emergencyKey.keyIdHex, reason: 1, time: NOW }] } })
  },
  expected: { step: 6, code: 'KRL_ENTRY_FORBIDDEN' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "...idsOf(state, 'emergency-krl'), ",
      replace: '',
    },
  ],
}
