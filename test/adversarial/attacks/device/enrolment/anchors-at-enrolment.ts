import { makeSoftKeys } from '../../../../support/soft-key.js'
import { signRoot } from '../../../../support/trust-fixture.js'
import type { DeviceAttack } from '../../../device-attack.js'
import { NOW } from '../../../scene.js'
import { rootListing } from '../../../thief.js'

export const anchorsAtEnrolment: DeviceAttack = {
  name: 'anchors-at-enrolment',
  threat: 'row 19',
  does: 'sends a root of its own with the answer to an enrolment, and then what hangs on it',
  run: async (scene) => {
    const { trust, server } = scene
    const thieves = makeSoftKeys(2)
    const root = { ...trust.root, version: 2, ...rootListing(trust.root, NOW, 'root', thieves, { threshold: 2 }) }
    const bytes = await signRoot(root, thieves)
    server.enrolMore = { root: bytes }
    return scene.tryToEnrol(() => scene.offer({}, { roots: [bytes] }))
  },
  expected: { step: 0, code: 'DOCUMENT_MALFORMED', detail: { field: 'root', why: 'unknown member' } },
  unguarded: { step: 2, code: 'THRESHOLD_NOT_MET' },
  guard: [
    {
      file: 'src/domain/trust/fields.ts',
      find: "if (!this.wasRead(key)) throw this.refusal(String(key), 'unknown member')",
      replace: 'void key',
    },
  ],
}
