import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { requireDeviceKey } from '../../src/domain/trust/counter-epoch.js'
import { requireAttached } from '../../src/domain/trust/signed-document.js'
import { ReportInbox } from '../../src/server/device/report-inbox.service.js'
import type { FleetDevice } from '../../test/support/fleet-device.js'
import type { FleetFixture } from '../../test/support/fleet-fixture.js'
import type { BenchmarkRow } from '../benchmark.js'
import type { RolloutScene } from './scene.js'

const ENROLLED_AT_ONCE = 50
const ROUNDS = 3

/**
 * Reports of devices with keys of their own, verified, counted and stored, beside a loop that only verifies them; the best of some rounds
 * on each side. Each device sends its next when the last one is stored, and there are more devices than one batch takes.
 */
export async function reportsRow(scene: RolloutScene, devices: number, each: number): Promise<BenchmarkRow> {
  const reporters = await enrol(scene.fleet, devices)
  const n = devices * each
  let [ours, reference] = [0, 0]
  for (let round = 0; round < ROUNDS; round += 1) {
    const signed = await Promise.all(reporters.map((device) => signSome(device, each)))
    const began = performance.now()
    await storeAll(scene.fleet, signed)
    const stored = performance.now()
    verifyAll(scene.fleet, signed)
    const verified = performance.now()
    ours = Math.max(ours, (n * 1_000) / (stored - began))
    reference = Math.max(reference, (n * 1_000) / (verified - stored))
  }
  return { name: 'reports', ours, reference, ratio: ours / reference, unit: 'reports/s', n: n * ROUNDS }
}

interface Signed {
  readonly device: FleetDevice
  readonly documents: readonly Uint8Array[]
}

async function signSome(device: FleetDevice, each: number): Promise<Signed> {
  const documents: Uint8Array[] = []
  for (let time = 1; time <= each; time += 1) documents.push(await device.sign({ time }))
  return { device, documents }
}

async function storeAll({ app }: FleetFixture, signed: readonly Signed[]): Promise<void> {
  const inbox = app.get(ReportInbox, { strict: false })
  await Promise.all(
    signed.map(async ({ device, documents }) => {
      const from = { namespace: device.namespace, deviceId: device.id }
      for (const document of documents) await inbox.take(document, from)
    }),
  )
}

function verifyAll({ trust }: FleetFixture, signed: readonly Signed[]): void {
  const allowed = trust.root.algorithms
  for (const { device, documents } of signed)
    for (const document of documents) {
      const key = requireDeviceKey({ key: device.key.key, allowed })
      requireAttached(nativeAlgorithms, key, parseSign1(document, 4_096), 'report')
    }
}

async function enrol(fleet: FleetFixture, devices: number): Promise<readonly FleetDevice[]> {
  const enrolled: FleetDevice[] = []
  while (enrolled.length < devices)
    enrolled.push(...(await fleet.enrolDevices(Math.min(ENROLLED_AT_ONCE, devices - enrolled.length))))
  return enrolled
}
