import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { requireDeviceKey } from '../../src/domain/trust/counter-epoch.js'
import { requireAttached } from '../../src/domain/trust/signed-document.js'
import { ReportInbox } from '../../src/server/device/report-inbox.service.js'
import type { BenchmarkRow } from '../benchmark.js'
import type { RolloutScene } from './scene.js'

/**
 * Reports of devices with keys of their own, verified, counted and stored, beside a loop that only verifies them. Each device sends its
 * next when the last one is stored, and there are more devices than one batch takes.
 */
export async function reportsRow(scene: RolloutScene, devices: number, each: number): Promise<BenchmarkRow> {
  const { fleet } = scene
  const allowed = fleet.trust.root.algorithms
  const inbox = fleet.app.get(ReportInbox, { strict: false })
  const reporters = await Promise.all(
    (await fleet.enrolDevices(devices)).map(async (device) => {
      const documents: Uint8Array[] = []
      for (let time = 1; time <= each; time += 1) documents.push(await device.sign({ time }))
      return { device, documents }
    }),
  )
  const n = devices * each
  const began = performance.now()
  await Promise.all(
    reporters.map(async ({ device, documents }) => {
      const from = { namespace: device.namespace, deviceId: device.id }
      for (const document of documents) await inbox.take(document, from)
    }),
  )
  const stored = performance.now()
  for (const { device, documents } of reporters)
    for (const document of documents) {
      const key = requireDeviceKey({ key: device.key.key, allowed })
      requireAttached(nativeAlgorithms, key, parseSign1(document, 4_096), 'report')
    }
  const verified = performance.now()
  const [ours, reference] = [(n * 1_000) / (stored - began), (n * 1_000) / (verified - stored)]
  return { name: 'reports', ours, reference, ratio: ours / reference, unit: 'reports/s', n }
}
