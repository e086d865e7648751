import type { DeviceAttack } from '../../../device-attack.js'

export const clockAt1970: DeviceAttack = {
  name: 'clock-at-1970',
  threat: 'row 1; wrong time',
  does: 'sets the clock of a device to 1970',
  run: async (scene) => {
    await scene.enrol({ clockSeconds: () => 0 })
    return scene.offer()
  },
  expected: { step: 6, code: 'KEY_NOT_ACTIVE' },
  unguarded: { step: 9, code: 'FRESHNESS_NOT_YET' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: 'now < notBefore || now >= notAfter',
      replace: 'now >= notAfter',
    },
  ],
}
