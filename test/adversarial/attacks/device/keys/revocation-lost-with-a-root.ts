import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const revocationLostWithARoot: DeviceAttack = {
  name: 'revocation-lost-with-a-root',
  threat: 'row 7',
  does: 'offers a release of the revoked key again, after a root of the same epoch',
  run: async (scene) => {
    const keys = [{ keyId: scene.trust.roleKey('manifest-a').keyIdHex, reason: 1, time: NOW }]
    scene.requireStuck(await scene.offer({ krl: { number: 2, keys } }), 'KEY_REVOKED')
    const { bytes } = await scene.trust.nextRoot({})
    return scene.offer({ krl: { number: 2, keys } }, { roots: [bytes] })
  },
  expected: { step: 12, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: '{ ...state, krl: keepRevoked(state, offered) }',
      replace: '{ ...state, krl: state.krl && { ...state.krl, keys: new Map() } }',
    },
  ],
}
