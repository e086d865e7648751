import type { DeviceAttack } from '../../../device-attack.js'

export const answerForAnotherDevice: DeviceAttack = {
  name: 'answer-for-another-device',
  threat: 'row 6; replay',
  does: 'sends one device the poll answer of another',
  run: async (scene) => {
    const other = await scene.anotherDevice()
    return scene.offer({}, await scene.bench.answer(other))
  },
  expected: { step: 10, code: 'ASSIGNMENT_OTHER_DEVICE' },
  guard: [
    {
      file: 'src/domain/trust/check-assignment.ts',
      find: 'if (assignment.deviceId !== deviceId) throw',
      replace: 'if (false) throw',
    },
  ],
}
