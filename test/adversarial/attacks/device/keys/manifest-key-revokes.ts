import type { DeviceAttack } from '../../../device-attack.js'
import { signPayload } from '../../../thief.js'

export const manifestKeyRevokes: DeviceAttack = {
  name: 'manifest-key-revokes',
  threat: 'kid of another role',
  does: 'signs a KRL with the stolen manifest key',
  run: (scene) =>
    scene.offer({}, async (answer) => ({
      krl: await signPayload(scene.trust.roleKey('manifest-a'), 'krl', scene.payloadOf(answer.krl)),
      freshness: await scene.fixture.freshness(
        await signPayload(scene.trust.roleKey('manifest-a'), 'krl', scene.payloadOf(answer.krl)),
      ),
    })),
  expected: { step: 6, code: 'KEY_UNKNOWN' },
  guard: [
    {
      file: 'src/domain/trust/signed-document.ts',
      find: 'if (row === undefined || !roles.some((role) => root.roles.get(role)?.keyIds.includes(name)))',
      replace: 'if (row === undefined)',
    },
  ],
}
