import { Faults } from '../../../../../device-sim/faults.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'

export const revokedWhileDownloading: DeviceAttack = {
  name: 'revoked-while-downloading',
  threat: 'row 4',
  does: 'keeps a download going while its key is revoked; the KRL comes by another way',
  run: async (scene) => {
    const { trust } = scene
    const keys = [{ keyId: trust.roleKey('manifest-a').keyIdHex, reason: 1, time: NOW }]
    const krl = await trust.signKrl(trust.krl({ number: 2, keys }))
    const faults = new Faults()
    const device = await scene.enrol({ faults })
    const taken: Promise<void>[] = []
    faults.strike = (point) => {
      if (point === 'payload-stored') taken.push(device.takeKrl(krl))
    }
    const verdict = await scene.offer()
    await Promise.all(taken)
    return verdict
  },
  expected: { step: 12, code: 'KEY_REVOKED' },
  guard: [
    {
      file: 'device-sim/update-runner.ts',
      find: 'trust.judgeAgain(offer, nonce)',
      replace: '',
    },
  ],
}
