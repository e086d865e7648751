import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../src/domain/bytes.js'
import { manifestSha256 } from '../src/domain/suit/envelope.js'
import { reasonOf } from '../src/domain/trust/report-reason.js'
import { classIdOf, vendorIdOf } from '../src/domain/suit/identifiers.js'
import { DeviceBench, type AnswerChange } from '../test/support/device-bench.js'
import { makeSoftKey } from '../test/support/soft-key.js'
import { CLASS_ID } from '../test/support/trust-fixture.js'
import { Faults, type FaultName } from './faults.js'

describe('a simulated device', () => {
  let bench: DeviceBench
  beforeEach(async () => {
    bench = await DeviceBench.make()
  })
  afterEach(() => bench.close())

  const image = (fill: number) => new Uint8Array(40_000).fill(fill)
  const withFault = (name: FaultName) => ({ faults: new Faults([name]) })

  it('takes a good update from the first poll to a confirmed boot, and reports each step', async () => {
    const device = await bench.enrolled()
    expect(await bench.offer(device)).toEqual({ state: 'confirmed', sequence: 5, rolloutId: 'rollout-5' })
    expect(bench.server.states).toEqual(['downloading', 'downloaded', 'installing', 'rebooting', 'confirmed'])
    const confirmed = bench.server.reports.at(-1)
    expect(confirmed).toMatchObject({
      namespace: 'gateway/prod',
      deviceId: device.id,
      epoch: 1,
      counter: 5,
      runningSequence: 5,
      rootVersion: 1,
      krlNumber: 1,
      rolloutId: 'rollout-5',
    })
    // What it says it runs is what it read back from its slot.
    expect(toHex(confirmed?.runningImageSha256 ?? new Uint8Array(0))).toBe(toHex(sha256(image(5))))
    expect(device.memory.record.unacknowledged).toBeNull()
  })

  it('sends its credential to its server and to nobody else', async () => {
    const device = await bench.enrolled()
    const elsewhere = await DeviceBench.make()
    try {
      const answer = await bench.answer(device)
      elsewhere.server.payload = bench.server.payload
      bench.server.answer = { ...answer, payloadUrls: [`${elsewhere.server.url}/device/v1/gateway/prod/`] }
      expect(await device.pollOnce()).toMatchObject({ state: 'confirmed' })
      expect(elsewhere.server.requests.map(({ authorization }) => authorization)).toEqual([''])
      expect(bench.server.requests.at(-1)?.authorization).toBe('Device secret-of-the-device')
    } finally {
      await elsewhere.close()
    }
  })

  it('refuses an enrolment in the name of another device', async () => {
    bench.server.enrolAs = '00'.repeat(32)
    await expect(bench.device().enrol('claim')).rejects.toMatchObject({ code: 'ENROLMENT_REFUSED' })
  })

  it('keeps the root of its firmware, whatever root the server names', async () => {
    const device = await bench.enrolled()
    const stranger = await DeviceBench.make()
    try {
      const foreign = await stranger.fixture.trust.nextRoot({})
      bench.server.answer = { ...(await bench.answer(device)), roots: [foreign.bytes] }
      expect(await device.pollOnce()).toMatchObject({ state: 'refused', code: 'THRESHOLD_NOT_MET', step: 2 })
      expect(device.trustState.root.version).toBe(1)
    } finally {
      await stranger.close()
    }
  })

  describe('refuses, and keeps what runs,', () => {
    const refuses = async (change: AnswerChange, expected: object, state = 'refused') => {
      const device = await bench.enrolled()
      expect(await bench.offer(device)).toMatchObject({ state: 'confirmed', sequence: 5 })
      expect(await bench.offer(device, { sequence: 6, ...change })).toMatchObject({ state, sequence: 5, ...expected })
      expect(bench.server.reports.at(-1)).toMatchObject({
        state,
        runningSequence: 5,
        reason: reasonOf((expected as { code: 'ROLLBACK' }).code),
      })
      expect(toHex(bench.server.reports.at(-1)?.runningImageSha256 ?? new Uint8Array(0))).toBe(toHex(sha256(image(5))))
      return device
    }

    it('a release that nobody signed', () =>
      refuses({ manifestKeys: [] }, { code: 'SIGNATURE_MISSING', step: 12, detail: { role: 'manifest-a' } }))

    it('a release that a stranger signed', async () => {
      const stranger = makeSoftKey()
      await refuses(
        { manifestKeys: [stranger] },
        { code: 'KEY_UNKNOWN', step: 12, detail: { keyId: stranger.keyIdHex, role: 'manifest-a or manifest-b' } },
      )
    })

    it('a replay of an older release', () =>
      refuses(
        { sequence: 4 },
        { code: 'ROLLBACK', step: 13, detail: { offered: 4, floor: 5 }, rolloutId: 'rollout-4' },
      ))

    it('other content under the number that is installed', () =>
      refuses({ sequence: 5, image: image(9) }, { code: 'SEQUENCE_REUSED', step: 13, detail: { sequence: 5 } }))

    it('a release for another class', () => {
      const other = classIdOf(vendorIdOf('vendor.example'), 'gateway', 'rev-c', 'prod')
      return refuses(
        { manifest: { classId: other } },
        { code: 'WRONG_CLASS', step: 13, detail: { expected: toHex(CLASS_ID), found: toHex(other) } },
      )
    })

    it('a release by a key that was revoked', async () => {
      const { keyIdHex } = bench.fixture.trust.roleKey('manifest-a')
      const keys = [{ keyId: keyIdHex, reason: 1, time: bench.fixture.trust.now }]
      const device = await refuses(
        { krl: { number: 2, keys } },
        { code: 'KEY_REVOKED', step: 12, detail: { keyId: keyIdHex } },
      )
      expect(device.trustState.krl?.number).toBe(2)
    })

    it('a release that was withdrawn', async () => {
      const digest = toHex(
        manifestSha256(bench.fixture.manifest({ sequence: 6, imageSha256: sha256(image(6)), imageSizeBytes: 40_000 })),
      )
      await refuses(
        { krl: { number: 2, manifests: [{ digest, reason: 1 }] } },
        { code: 'MANIFEST_REVOKED', step: 11, detail: { digest } },
      )
    })

    it("another device's assignment", () => {
      const other = makeSoftKey().keyIdHex
      return refuses(
        { assignment: { deviceId: other } },
        { code: 'ASSIGNMENT_OTHER_DEVICE', step: 10, detail: { deviceId: other } },
      )
    })

    it('an assignment that has run out', () => {
      const { now } = bench.fixture.trust
      return refuses(
        { assignment: { notBefore: now - 7_200, expires: now - 3_600 } },
        { code: 'ASSIGNMENT_EXPIRED', step: 10, detail: { expires: now - 3_600, now } },
      )
    })

    it('an assignment that needs a KRL which is hidden from it', () =>
      refuses(
        { assignment: { leastKrlNumber: 7 } },
        { code: 'ASSIGNMENT_NEEDS_KRL', step: 10, detail: { needed: 7, held: 1 } },
      ))

    it('old freshness', () => {
      const { now } = bench.fixture.trust
      return refuses(
        { freshness: { time: now - 90_000, expires: now - 3_600 } },
        { code: 'FRESHNESS_EXPIRED', step: 9 },
      )
    })
  })

  it('refuses a manifest that was changed on the way (11)', async () => {
    const device = await bench.enrolled()
    const answer = await bench.answer(device)
    const envelope = answer.envelope?.slice() ?? new Uint8Array(0)
    const at = Buffer.from(envelope).indexOf(Buffer.from('payload/'))
    envelope[at + 10] = (envelope[at + 10] ?? 0) ^ 0x01
    bench.server.answer = { ...answer, envelope }
    expect(await device.pollOnce()).toMatchObject({ state: 'refused', code: 'DIGEST_MISMATCH', step: 11, sequence: 0 })
  })

  describe('judges the payload (15):', () => {
    const fails = async (spoil: (payload: Uint8Array) => Uint8Array, code: string) => {
      const device = await bench.enrolled()
      bench.server.answer = await bench.answer(device)
      bench.server.payload = spoil(bench.server.payload)
      expect(await device.pollOnce()).toMatchObject({ state: 'failed', code, step: 15, sequence: 0 })
      expect(bench.server.states.at(-1)).toBe('failed')
      return device
    }

    it('a byte changed', async () => {
      await fails((payload) => payload.map((byte, at) => (at === 20_000 ? byte ^ 1 : byte)), 'PAYLOAD_MISMATCH')
    })
    it('a byte too many', async () => {
      await fails((payload) => new Uint8Array([...payload, 0]), 'PAYLOAD_TOO_LONG')
    })
    it('a byte too few', async () => {
      await fails((payload) => payload.subarray(1), 'PAYLOAD_TOO_SHORT')
    })

    it('gives up after three tries under one rollout, and tries again under the next', async () => {
      const device = await fails((payload) => payload.map((byte) => byte ^ 1), 'PAYLOAD_MISMATCH')
      const downloads = () => bench.server.requests.filter(({ path }) => path.startsWith('payload/')).length
      for (let polls = 0; polls < 4; polls += 1)
        expect(await device.pollOnce()).toMatchObject({ state: 'failed', code: 'PAYLOAD_MISMATCH' })
      expect(downloads()).toBe(3)
      expect(await bench.offer(device, { assignment: { rolloutId: 'rollout-next' } })).toMatchObject({
        state: 'confirmed',
      })
    })

    it('a download that is corrupted on the device itself', async () => {
      const device = await bench.enrolled(withFault('corrupt-download'))
      expect(await bench.offer(device)).toMatchObject({ state: 'failed', code: 'PAYLOAD_MISMATCH', step: 15 })
    })
  })

  it('reads its slot back before the switch (16)', async () => {
    const faults = new Faults()
    const strike = faults.strike.bind(faults)
    faults.strike = (point) => {
      // The medium loses a bit between the download and the switch.
      if (point === 'payload-stored') writeFileSync(join(bench.folder, 'device', 'slot-1.img'), image(7))
      strike(point)
    }
    const device = await bench.enrolled({ faults })
    expect(await bench.offer(device)).toMatchObject({ state: 'failed', code: 'SLOT_MISMATCH', step: 16, sequence: 0 })
  })

  it('judges again before the switch: a revocation that comes during the download counts', async () => {
    const faults = new Faults()
    const device = await bench.enrolled({ faults })
    const { trust } = bench.fixture
    const keys = [{ keyId: trust.roleKey('manifest-a').keyIdHex, reason: 1, time: trust.now }]
    const krl = await trust.signKrl(trust.krl({ number: 2, keys }))
    const taken: Promise<void>[] = []
    const strike = faults.strike.bind(faults)
    faults.strike = (point) => {
      if (point === 'payload-stored') taken.push(device.takeKrl(krl))
      strike(point)
    }
    expect(await bench.offer(device)).toMatchObject({ state: 'refused', code: 'KEY_REVOKED', step: 12, sequence: 0 })
    await Promise.all(taken)
  })

  it('falls back from an image that fails its health gate, reports it, and does not try it again', async () => {
    const device = await bench.enrolled()
    await bench.offer(device)
    device.setFault('unhealthy-boot', true)
    const reverted = { state: 'reverted', code: 'HEALTH_GATE_FAILED', step: 16, sequence: 5, rolloutId: 'rollout-6' }
    expect(await bench.offer(device, { sequence: 6 })).toMatchObject(reverted)
    expect(bench.server.reports.at(-1)).toMatchObject({ state: 'reverted', reason: 112, runningSequence: 5 })
    const reports = bench.server.reports.length
    expect(await device.pollOnce()).toMatchObject({ state: 'reverted', code: 'HEALTH_GATE_FAILED', sequence: 5 })
    expect(bench.server.reports.length).toBe(reports)
    // Its floor did not move with an image that never was confirmed.
    expect(device.trustState.installedSequence).toBe(5)
  })

  it('fetches the roots and the KRL that a freshness statement names and the answer leaves out', async () => {
    const device = await bench.enrolled()
    const { trust } = bench.fixture
    const second = await trust.nextRoot({})
    const third = await trust.nextRoot({}, second.root)
    bench.server.roots.set(2, second.bytes).set(3, third.bytes)
    const answer = await bench.answer(device, { krl: { number: 4 }, freshness: { rootVersion: 3 } })
    const { krl, ...withoutKrl } = answer
    bench.server.krl = krl ?? null
    bench.server.answer = withoutKrl
    expect(await device.pollOnce()).toMatchObject({ state: 'confirmed', sequence: 5 })
    expect(device.trustState.root.version).toBe(3)
    expect(device.trustState.krl?.number).toBe(4)
  })

  it('goes on with a download that was cut, from where it was', async () => {
    const device = await bench.enrolled()
    bench.server.cutAfterBytes = 15_000
    expect(await bench.offer(device)).toMatchObject({ state: 'idle', sequence: 0 })
    const stored = readFileSync(join(bench.folder, 'device', 'slot-1.img')).length
    expect(stored).toBeGreaterThan(0)
    expect(await device.pollOnce()).toMatchObject({ state: 'confirmed', sequence: 5 })
    const ranges = bench.server.requests.filter(({ path }) => path.startsWith('payload/')).map(({ range }) => range)
    expect(ranges).toEqual(['', `bytes=${stored}-`])
  })

  it('goes on with a server that knows no ranges', async () => {
    const device = await bench.enrolled()
    bench.server.cutAfterBytes = 15_000
    bench.server.ignoresRange = true
    await bench.offer(device)
    expect(await device.pollOnce()).toMatchObject({ state: 'confirmed', sequence: 5 })
  })

  it('does nothing while it is offline', async () => {
    const device = await bench.enrolled(withFault('offline'))
    const before = bench.server.requests.length
    expect(await bench.offer(device)).toEqual({ state: 'unreachable', sequence: 0 })
    expect(bench.server.requests.length).toBe(before)
  })

  it('without a clock asks with a nonce, and believes no statement without it', async () => {
    const device = await bench.enrolled({ clockSeconds: () => null })
    expect(await bench.offer(device)).toMatchObject({ state: 'refused', code: 'FRESHNESS_NONCE', step: 4 })
  })
})
