import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const krlRevokesRootKey: DeviceAttack = {
  name: 'krl-revokes-root-key',
  threat: 'row 7',
  does: 'revokes a root key with the stolen KRL key, to keep the device from being brought back',
  run: (scene) => {
    const { trust } = scene
    return scene.offer({ krl: { keys: [{ keyId: trust.rootKeys[0]?.keyIdHex ?? '', reason: 1, time: NOW }] } })
  },
  expected: { step: 6, code: 'KRL_ENTRY_FORBIDDEN' },
  guard: [
    {
      file: 'src/domain/trust/take-krl.ts',
      find: "...idsOf(state, 'root'), ",
      replace: '',
    },
  ],
}
