import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { fromHex } from '../src/domain/bytes.js'
import type { UpdateAnswer } from '../src/protocol/device-http.js'
import { DeviceBench } from '../test/support/device-bench.js'
import { makeP256Key } from '../test/support/soft-key.js'
import type { SimulatedDevice } from './simulated-device.js'

const DAY = 86_400
let bench: DeviceBench
beforeEach(async () => {
  bench = await DeviceBench.make()
})
afterEach(() => bench.close())

/** The nonces that polls carried, oldest first. */
const nonces = (): string[] =>
  bench.server.requests.flatMap(({ path, query }) => (path.endsWith('/update') ? [query.get('nonce') ?? 'none'] : []))

/** Answers each poll with a statement that carries the nonce of that poll. */
async function answerWithNonce(device: SimulatedDevice, sequence = 5): Promise<void> {
  const answer = await bench.answer(device, { sequence })
  bench.server.answerFor = async (): Promise<UpdateAnswer> => {
    const nonce = fromHex(nonces().at(-1) ?? '')
    return { ...answer, freshness: await bench.fixture.freshness(answer.krl ?? new Uint8Array(0), { nonce }) }
  }
}

describe('a device without a clock', () => {
  const enrolled = () => bench.enrolled({ clockSeconds: () => null })

  it('takes an update from the first poll to the confirmed boot, each poll with a nonce of its own', async () => {
    const device = await enrolled()
    expect(device.trustState.latestSeconds).toBe(bench.fixture.trust.root.issued)
    await answerWithNonce(device)
    expect(await device.pollOnce()).toMatchObject({ state: 'confirmed', sequence: 5 })
    expect(device.trustState.latestSeconds).toBe(bench.fixture.trust.now - 5)
    await device.pollOnce()
    expect(nonces().every((nonce) => /^[0-9a-f]{32}$/.test(nonce))).toBe(true)
    expect(new Set(nonces()).size).toBe(nonces().length)
    // Its reports tell the time that it was told.
    expect(bench.server.reports.at(-1)?.time).toBe(bench.fixture.trust.now - 5)
  })

  it('keeps the time it was told over a restart', async () => {
    const device = await enrolled()
    await answerWithNonce(device)
    await device.pollOnce()
    const again = bench.device({ clockSeconds: () => null })
    expect(again.trustState.latestSeconds).toBe(bench.fixture.trust.now - 5)
  })

  it('refuses the statement of another poll, and one without a nonce', async () => {
    const device = await enrolled()
    const answer = await bench.answer(device)
    const replayed = await bench.fixture.freshness(answer.krl ?? new Uint8Array(0), { nonce: new Uint8Array(16) })
    for (const freshness of [replayed, answer.freshness ?? new Uint8Array(0)]) {
      bench.server.answer = { ...answer, freshness }
      expect(await device.pollOnce()).toMatchObject({ state: 'refused', code: 'FRESHNESS_NONCE', step: 4, sequence: 0 })
    }
    expect(device.trustState.latestSeconds).toBe(bench.fixture.trust.root.issued)
  })

  it('never asks whether anything changed: the answer to a nonce is new each time', async () => {
    const device = await enrolled()
    await answerWithNonce(device)
    bench.server.etag = '"same"'
    // The first brings the update, the second finds nothing to do, the third could ask whether that changed.
    for (let polls = 0; polls < 3; polls += 1) await device.pollOnce()
    expect(bench.server.requests.every(({ condition }) => condition === '')).toBe(true)
  })

  it('takes no KRL that was pushed: nothing says whether the key that signed it is alive still', async () => {
    const device = await enrolled()
    const { trust } = bench.fixture
    for (const before of [trust.now - 100 * DAY, trust.now]) {
      device.memory.saveTrust({ ...device.trustState, latestSeconds: before })
      await device.takeKrl(await trust.signKrl(trust.krl()))
      expect([device.trustState.latestSeconds, device.trustState.krl, bench.server.states]).toEqual([before, null, []])
    }
    await answerWithNonce(device)
    expect(await device.pollOnce()).toMatchObject({ state: 'confirmed' })
    expect(device.trustState.krl?.number).toBe(1)
  })
})

describe('a download that takes longer than its assignment lives', () => {
  /** The second question of one poll, before the switch of slots, is answered by `later`. */
  const slowly = async (later: (answer: UpdateAnswer, nonce: Uint8Array) => Promise<UpdateAnswer>) => {
    const device = await bench.enrolled({ clockSeconds: () => null })
    const answer = await bench.answer(device)
    let asked = 0
    bench.server.answerFor = async (): Promise<UpdateAnswer> => {
      const nonce = fromHex(nonces().at(-1) ?? '')
      asked += 1
      if (asked > 1) return later(answer, nonce)
      return { ...answer, freshness: await bench.fixture.freshness(answer.krl ?? new Uint8Array(0), { nonce }) }
    }
    return device
  }

  it('is found out by asking for the time once more', async () => {
    const time = bench.fixture.trust.now + 40 * DAY
    const device = await slowly(async (answer, nonce) => ({
      freshness: await bench.fixture.freshness(answer.krl ?? new Uint8Array(0), { nonce, time, expires: time + DAY }),
    }))
    expect(await device.pollOnce()).toMatchObject({ state: 'refused', code: 'ASSIGNMENT_EXPIRED', sequence: 0 })
  })

  it('is not installed on the old time, nor on that of another poll', async () => {
    const { freshness } = await bench.answer(await bench.enrolled())
    for (const answer of [{}, freshness === undefined ? {} : { freshness }]) {
      const device = await slowly(() => Promise.resolve(answer))
      expect(await device.pollOnce()).toMatchObject({ state: 'refused', sequence: 0, step: 4 })
    }
  })
})

it('a device with a P-256 key, in a namespace of P-256 keys, updates and reports', async () => {
  const second = await DeviceBench.make({ makeKey: makeP256Key })
  try {
    const device = await second.enrolled({ keyAlgorithm: 'esp256' })
    expect(await second.offer(device)).toMatchObject({ state: 'confirmed', sequence: 5 })
    expect(second.server.deviceKeys.get(device.id)?.kind).toBe('p256')
    expect(second.device({ keyAlgorithm: 'esp256' }).id).toBe(device.id)
  } finally {
    await second.close()
  }
})

it('a KRL that is overdue is told with each outcome and refuses nothing', async () => {
  const device = await bench.enrolled()
  const { now } = bench.fixture.trust
  expect(await bench.offer(device, { krl: { nextUpdate: now } })).toMatchObject({ state: 'confirmed', isKrlLate: true })
})
