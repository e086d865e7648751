import { deviceIdOf } from '../../test/support/signer-fixture.js'
import type { BenchmarkRow, BenchmarkSize } from '../benchmark.js'
import { compareSpeeds } from '../compare.js'
import { openBareToken } from './bare-token.js'
import type { SignerScene } from './signer-scene.js'

/** What the token signs: a COSE Sig_structure around an assignment. */
const MESSAGE = Buffer.alloc(300, 7)

/** Assignments for devices without end, 64 asked for at a time, beside the token alone. */
export async function assignRow(
  scene: SignerScene,
  size: BenchmarkSize,
  classIndex: number,
  inFlight = 64,
): Promise<BenchmarkRow> {
  const { fixture } = scene
  const [request] = await scene.requests(classIndex, 1)
  const client = scene.release.client()
  await scene.sign(client, request)
  const manifestSha256 = scene.digestOf(request)
  const plan = fixture.plan([manifestSha256], { devicesPerHour: 100_000_000, devicesTotal: 100_000_000 })
  const asked = { manifestSha256, ...(await fixture.approvedPlan(plan)) }
  const online = scene.online.client()
  const token = openBareToken(fixture.token, fixture.keyIds.get('assignment') ?? '', 1)
  const batch = size === 'full' ? 4 * inFlight : inFlight
  let devices = 0
  const worker = async (until: number): Promise<void> => {
    while (devices < until) {
      devices += 1
      await online.request('assign', { deviceId: deviceIdOf(devices), ...asked })
    }
  }
  try {
    return await compareSpeeds({
      rounds: 40,
      roundMs: 0,
      size,
      name: 'assign',
      unit: 'assignments/s',
      unitsPerBatch: batch,
      ours: () => {
        const until = devices + batch
        return Promise.all(Array.from({ length: inFlight }, () => worker(until)))
      },
      reference: () => {
        for (let n = 0; n < batch; n += 1) token.sign(MESSAGE)
      },
    })
  } finally {
    token.close()
  }
}
