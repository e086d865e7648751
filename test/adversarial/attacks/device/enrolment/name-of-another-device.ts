import type { DeviceAttack } from '../../../device-attack.js'

export const nameOfAnotherDevice: DeviceAttack = {
  name: 'name-of-another-device',
  threat: 'row 19',
  does: 'enrols a device under the name of another',
  run: (scene) => {
    scene.server.enrolAs = '00'.repeat(32)
    return scene.tryToEnrol(() => scene.offer())
  },
  expected: { step: 0, code: 'ENROLMENT_REFUSED' },
  guard: [
    {
      file: 'device-sim/simulated-device.ts',
      find: 'if (answer.deviceId !== this.id) throw',
      replace: 'if (false) throw',
    },
  ],
}
