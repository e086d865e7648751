import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { reasonOf } from '../src/domain/trust/report-reason.js'
import type { NonceAnswer, ReportAck } from '../src/protocol/device-http.js'
import { DeviceBench } from '../test/support/device-bench.js'
import { HttpTransport } from './http-transport.js'

/** Says that it has reports of a later epoch, and which one may be begun. */
class ServerOfEpochs extends HttpTransport {
  next = Number.MAX_SAFE_INTEGER
  override report = (): Promise<ReportAck> => Promise.resolve({ epoch: this.next, counter: 1 })
  override askNonce = (): Promise<NonceAnswer> => Promise.resolve({ nonce: new Uint8Array(32), epoch: this.next })
  override beginEpoch = (): Promise<void> => Promise.resolve()
}

describe('what a device reports', () => {
  let bench: DeviceBench
  beforeEach(async () => {
    bench = await DeviceBench.make()
  })
  afterEach(() => bench.close())

  it('takes a KRL that is pushed, once, and reports its number at once', async () => {
    const device = await bench.enrolled()
    await bench.offer(device)
    const { trust } = bench.fixture
    const krl = await trust.signKrl(trust.krl({ number: 2 }))
    await device.takeKrl(krl)
    expect(bench.server.reports.at(-1)).toMatchObject({ state: 'idle', krlNumber: 2, counter: 6 })
    await device.takeKrl(krl)
    expect(bench.server.reports.at(-1)).toMatchObject({ counter: 6 })
    await device.takeKrl(await trust.signKrl(trust.krl({ number: 1 })))
    expect(device.trustState.krl?.number).toBe(2)
    expect(bench.server.reports.at(-1)).toMatchObject({ counter: 6 })
  })

  it('reports a KRL that came with a poll, when nothing else was to be said', async () => {
    const device = await bench.enrolled()
    await bench.offer(device)
    const krl = await bench.fixture.trust.signKrl(bench.fixture.trust.krl({ number: 2 }))
    bench.server.answer = { krl, freshness: await bench.fixture.freshness(krl, { krlNumber: 2 }) }
    await device.pollOnce()
    expect(bench.server.reports.at(-1)).toMatchObject({ state: 'idle', krlNumber: 2, counter: 6 })
    await device.pollOnce()
    expect(bench.server.reports.at(-1)).toMatchObject({ counter: 6 })
  })

  it('reports two KRLs under one number', async () => {
    const device = await bench.enrolled()
    await bench.offer(device)
    const { trust } = bench.fixture
    await device.takeKrl(await trust.signKrl(trust.krl({ issued: trust.now - 9 })))
    expect(bench.server.reports.at(-1)).toMatchObject({ state: 'refused', reason: reasonOf('KRL_EQUIVOCATION') })
  })

  it('repeats its newest report until the server has it, also when nothing changed', async () => {
    const device = await bench.enrolled()
    bench.server.takesReports = false
    expect(await bench.offer(device)).toMatchObject({ state: 'confirmed' })
    expect(bench.server.reports).toEqual([])
    bench.server.takesReports = true
    bench.server.answer = { freshness: bench.server.answer.freshness ?? new Uint8Array(0) }
    bench.server.etag = '"1"'
    const again = bench.device()
    expect(await again.pollOnce()).toMatchObject({ state: 'idle', sequence: 5 })
    expect(bench.server.reports).toEqual([expect.objectContaining({ state: 'confirmed', counter: 5 })])
    expect(await again.pollOnce()).toMatchObject({ state: 'idle' })
    expect(bench.server.reports.length).toBe(1)
  })

  it('takes the word of a server that refuses a report because it has it', async () => {
    const device = await bench.enrolled()
    bench.server.takesReports = false
    await bench.offer(device)
    bench.server.takesReports = true
    bench.server.oldReport = { epoch: 1, counter: 4 }
    await device.pollOnce()
    expect(device.memory.record.unacknowledged).not.toBeNull()
    bench.server.oldReport = { epoch: 1, counter: 5 }
    await device.pollOnce()
    expect(device.memory.record.unacknowledged).toBeNull()
  })

  it('is led no further than honest servers are: no epoch would be left after the last', async () => {
    const server = new ServerOfEpochs({ serverUrl: bench.server.url, namespace: bench.fixture.trust.namespace })
    const device = await bench.enrolled({ server })
    await bench.offer(device)
    expect(device.memory.record.epoch).toBe(1)
    server.next = 65_537
    await device.repeatReport()
    expect(device.memory.record.epoch).toBe(65_537)
  })

  it('tells a refusal once, however often it is offered', async () => {
    const device = await bench.enrolled()
    for (let polls = 0; polls < 3; polls += 1)
      expect(await bench.offer(device, { manifestKeys: [] })).toMatchObject({ code: 'SIGNATURE_MISSING' })
    expect(bench.server.states).toEqual(['refused'])
  })

  it('hides no end of an update behind a KRL that comes after it', async () => {
    const device = await bench.enrolled()
    bench.server.takesReports = false
    await bench.offer(device)
    bench.server.takesReports = true
    const { trust } = bench.fixture
    await device.takeKrl(await trust.signKrl(trust.krl({ number: 2 })))
    expect(bench.server.reports).toEqual([
      expect.objectContaining({ state: 'confirmed', rolloutId: 'rollout-5', krlNumber: 2, counter: 6 }),
    ])
  })
})
