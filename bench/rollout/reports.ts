import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { requireDeviceKey } from '../../src/domain/trust/counter-epoch.js'
import { requireAttached } from '../../src/domain/trust/signed-document.js'
import { ReportInbox } from '../../src/server/device/report-inbox.service.js'
import type { BenchmarkRow } from '../benchmark.js'
import type { RolloutScene } from './scene.js'

/** Reports of devices with keys of their own, verified, counted and stored, beside a loop that only verifies them. */
export async function reportsRow(scene: RolloutScene, devices: number, each: number): Promise<BenchmarkRow> {
  const { fleet } = scene
  const reporters = await fleet.enrolDevices(devices)
  const allowed = fleet.trust.root.algorithms
  const inbox = fleet.app.get(ReportInbox, { strict: false })
  let [ours, reference, n] = [0, 0, 0]
  for (let round = 0; round < each; round += 1) {
    const signed = await Promise.all(
      reporters.map(async (device) => ({ device, document: await device.sign({ time: round + 1 }) })),
    )
    const began = performance.now()
    await Promise.all(
      signed.map(({ device, document }) => inbox.take(document, { namespace: device.namespace, deviceId: device.id })),
    )
    const stored = performance.now()
    for (const { device, document } of signed) {
      const key = requireDeviceKey({ key: device.key.key, allowed })
      requireAttached(nativeAlgorithms, key, parseSign1(document, 4_096), 'report')
    }
    const verified = performance.now()
    ours = Math.max(ours, (devices * 1_000) / (stored - began))
    reference = Math.max(reference, (devices * 1_000) / (verified - stored))
    n += devices
  }
  return { name: 'reports', ours, reference, ratio: ours / reference, unit: 'reports/s', n }
}
