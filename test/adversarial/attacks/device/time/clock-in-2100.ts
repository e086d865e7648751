import type { DeviceAttack } from '../../../device-attack.js'

export const clockIn2100: DeviceAttack = {
  name: 'clock-in-2100',
  threat: 'row 1; wrong time',
  does: 'sets the clock of a device to the year 2100',
  run: async (scene) => {
    await scene.enrol({ clockSeconds: () => 4_102_444_800 })
    return scene.offer()
  },
  expected: { step: 5, code: 'ROOT_EXPIRED' },
  unguarded: { step: 6, code: 'KEY_NOT_ACTIVE' },
  guard: [
    {
      file: 'src/domain/trust/accept-update.ts',
      find: "if (now >= expires) throw new Refusal('ROOT_EXPIRED', { expires, now })",
      replace: 'void expires',
    },
  ],
}
