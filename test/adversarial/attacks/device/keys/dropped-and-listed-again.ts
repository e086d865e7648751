import { makeSoftKey } from '../../../../support/soft-key.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const droppedAndListedAgain: DeviceAttack = {
  name: 'dropped-and-listed-again',
  threat: 'row 7',
  does: 'offers a release of a revoked key, after one root dropped the key and another one listed it again',
  run: async (scene) => {
    const { trust } = scene
    const stolen = trust.roleKey('manifest-a')
    const keys = [{ keyId: stolen.keyIdHex, reason: 1, time: NOW }]
    scene.requireStuck(await scene.offer({ krl: { number: 2, keys } }), 'KEY_REVOKED')
    const { keys: listed, ...more } = rootListing(trust.root, NOW, 'manifest-a', [makeSoftKey()])
    const dropped = new Map([...listed].filter(([keyId]) => keyId !== stolen.keyIdHex))
    const second = await trust.nextRoot({ ...more, keys: dropped })
    const third = await trust.nextRoot({ keys: trust.root.keys, roles: trust.root.roles }, second.root)
    return scene.offer({ krl: { number: 2, keys } }, { roots: [second.bytes, third.bytes] })
  },
  expected: { step: 12, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'src/domain/trust/walk-root.ts',
      find: 'function keepRevoked({ krl }: TrustState, { roles }: Root)',
      replace: 'function keepRevoked({ krl }: TrustState, { roles, keys: listed }: Root)',
    },
    {
      file: 'src/domain/trust/walk-root.ts',
      find: '!spared.includes(keyId)',
      replace: 'listed.has(keyId)',
    },
  ],
}
