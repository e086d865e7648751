import type { DeviceAttack } from '../../../device-attack.js'
import { DAY, NOW } from '../../../scene.js'

export const nothingNewForEver: DeviceAttack = {
  name: 'nothing-new-for-ever',
  threat: 'row 11; TUF: freeze; a freeze not noticed for unchanged files',
  does: 'answers "not modified" for ever',
  run: async (scene) => {
    let now = NOW
    await scene.enrol({ clockSeconds: () => now })
    scene.server.etag = '"for ever"'
    await scene.install()
    await scene.poll()
    now += 2 * DAY
    return scene.poll()
  },
  expected: { step: 9, code: 'FRESHNESS_EXPIRED' },
  unguarded: { step: 0, code: 'NOTHING' },
  guard: [
    {
      file: 'device-sim/poller.ts',
      find: 'if (!polled.isChanged) return await this.judge({}, nonce)',
      replace: "if (!polled.isChanged) return { happened: 'nothing-offered' }",
    },
  ],
}
