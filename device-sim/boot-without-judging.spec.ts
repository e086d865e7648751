import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { DeviceBench } from '../test/support/device-bench.js'
import { toHex } from '../src/domain/bytes.js'
import { nativeAlgorithms } from '../src/domain/cose/algorithms.js'
import { manifestSha256, parseEnvelope } from '../src/domain/suit/envelope.js'
import { revokedKeysOf } from '../src/domain/trust/trust-state.js'
import { Faults } from './faults.js'
import type { SimulatedDevice } from './simulated-device.js'

// Booting never asks for the life of keys or for the KRL (trust.md §5, step 18): a fleet must not stop because a release was
// withdrawn, a key was revoked, or nobody renewed anything for years.
const DAY = 86_400

let bench: DeviceBench
beforeEach(async () => {
  bench = await DeviceBench.make()
})
afterEach(() => bench.close())

/** A list that revokes the key that signed the release, and withdraws the release itself. */
function obituary(digest: string): Promise<Uint8Array> {
  const { trust } = bench.fixture
  const keys = (['manifest-a', 'assignment', 'freshness'] as const).map((role) => ({
    keyId: trust.roleKey(role).keyIdHex,
    reason: 1,
    time: trust.now,
  }))
  return trust.signKrl(trust.krl({ number: 2, keys, manifests: [{ digest, reason: 4 }] }))
}

/** The same device switched on years later, with nobody to talk to. */
async function yearsLater(): Promise<SimulatedDevice> {
  const clockSeconds = (): number => bench.fixture.trust.now + 3_000 * DAY
  const device = bench.device({ serverUrl: 'http://127.0.0.1:9', clockSeconds, algorithms: nativeAlgorithms })
  await device.pollOnce()
  return device
}

it('a device boots what it has confirmed, though its release is withdrawn, its keys revoked and the root expired', async () => {
  const device = await bench.enrolled({ algorithms: nativeAlgorithms })
  await bench.offer(device)
  const installed = device.trustState.installedDigest ?? ''
  expect(device.trust.takeKrl(await obituary(installed))).toBe(true)
  const dead = await yearsLater()
  expect(revokedKeysOf(dead.trustState).size).toBe(3)
  expect(dead.trustState.krl?.manifests.has(installed)).toBe(true)
  expect(dead.trust.now()).toBeGreaterThan(dead.trustState.root.expires)
  expect([dead.runningSequence, dead.memory.boot]).toEqual([5, device.memory.boot])
  // The same again, as often as it is switched on.
  expect((await yearsLater()).runningSequence).toBe(5)
})

it('an image that was switched to is tried and confirmed, though its release is withdrawn before it boots', async () => {
  const faults = new Faults()
  const device = await bench.enrolled({ algorithms: nativeAlgorithms, faults })
  const answer = await bench.answer(device)
  const digest = toHex(manifestSha256(parseEnvelope(answer.envelope ?? new Uint8Array(0)).manifest))
  const krl = await obituary(digest)
  const struck: string[] = []
  faults.strike = (point) => {
    struck.push(point)
    if (point === 'after-switch') device.trust.takeKrl(krl)
  }
  bench.server.answer = answer
  expect(await device.pollOnce()).toMatchObject({ state: 'confirmed', sequence: 5 })
  expect(struck).toContain('after-switch')
  expect(device.trustState.krl?.manifests.has(digest)).toBe(true)
})
