import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { allowance, offersPerSecond, paceRoom, type Rates } from './rates.js'
import { budgetOf, fullSites, withinBudgets } from './site-budget.js'
import { findPath, type PathRelease } from './update-path.js'

const facts = { confirmed: 0, inFlight: 0, imageSizeBytes: 1_000_000, dueMs: 0, nowMs: 1_000_000 }

describe('rates', () => {
  it('without any are without limit', () => {
    expect(allowance({}, facts).devices).toBe(Infinity)
  })

  it('grow with what confirmed, up to their most', () => {
    const rates: Rates = { perMinute: { base: 60, factor: 2, everyConfirmed: 100, most: 400 } }
    expect([0, 99, 100, 250, 300, 1_000_000].map((confirmed) => offersPerSecond(rates, confirmed, 1) * 60)).toEqual([
      60, 60, 120, 240, 400, 400,
    ])
  })

  it('count a download for each offer', () => {
    expect(offersPerSecond({ bytesPerSecond: 5_000_000 }, 0, 1_000_000)).toBe(5)
    expect(offersPerSecond({ bytesPerSecond: 5_000_000, perMinute: { constant: 60 } }, 0, 1_000_000)).toBe(1)
  })

  it('leave only so many in flight', () => {
    expect(allowance({ inFlight: 10 }, { ...facts, inFlight: 7 }).devices).toBe(3)
    expect(allowance({ inFlight: 10 }, { ...facts, inFlight: 12 }).devices).toBe(0)
  })

  it('begin with one offer: before it nothing is late', () => {
    const { nowMs } = facts
    const begin = allowance({ perMinute: { constant: 6_000 } }, { ...facts, dueMs: 0 })
    expect(begin).toEqual({ devices: 1, startMs: nowMs, intervalMs: 10 })
  })

  it('are kept over any stretch of time, whenever the engine ticks', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6_000 }),
        fc
          .constantFrom(5_000, 20_000)
          .chain((max) => fc.array(fc.integer({ min: 1, max }), { minLength: 50, maxLength: 50 })),
        (constant, pauses) => {
          let [nowMs, dueMs, offers] = [facts.nowMs, 0, 0]
          for (const pause of [0, ...pauses]) {
            nowMs += pause
            const { devices, startMs, intervalMs } = allowance({ perMinute: { constant } }, { ...facts, dueMs, nowMs })
            dueMs = devices === 0 ? dueMs : startMs + devices * intervalMs
            offers += devices
          }
          const elapsedMs = nowMs - facts.nowMs
          // Five seconds are caught up on after a late tick, and the first one is free.
          expect(offers).toBeLessThanOrEqual((constant * (elapsedMs + 5_000)) / 60_000 + 1)
          // Ticks within those five seconds lose nothing.
          if (pauses.every((pause) => pause <= 5_000))
            expect(offers).toBeGreaterThanOrEqual(Math.floor((constant * elapsedMs) / 60_000))
        },
      ),
    )
  })

  it('stand below the pace that people signed', () => {
    const pace = { devicesPerHour: 100, devicesTotal: 150 }
    expect([paceRoom(pace, 30, 30), paceRoom(pace, 30, 130), paceRoom(pace, 100, 120), paceRoom(pace, 0, 150)]).toEqual(
      [70, 20, 0, 0],
    )
  })
})

describe('the budget of a site', () => {
  const sites = new Map([
    ['berlin', { devices: 40, inFlight: 1 }],
    ['lyon', { devices: 5, inFlight: 1 }],
  ])
  const candidates = ['berlin', 'lyon', 'berlin', null, 'berlin', null].map((site, index) => ({
    deviceId: String(index),
    site,
  }))
  const chosen = (budget: Parameters<typeof withinBudgets>[1]) =>
    withinBudgets(candidates, budget, sites).map((each) => each.deviceId)

  it('lets through as many as it has room for, in their order, and everybody who stands alone', () => {
    expect(chosen({ devices: 2 })).toEqual(['0', '1', '3', '5'])
    expect(chosen({ percent: 5 })).toEqual(['0', '3', '5'])
    expect(fullSites({ percent: 5 }, sites)).toEqual(['lyon'])
  })
  it('is one device at least', () => {
    expect(budgetOf({ percent: 1 }, 3)).toBe(1)
    expect(budgetOf({ percent: 10 }, 49)).toBe(4)
  })
})

describe('the way to a release', () => {
  const release = (version: string, change: Partial<PathRelease> = {}): PathRelease => ({
    version,
    leastVersion: null,
    isSteppingStone: false,
    ...change,
  })
  const shelf = [release('1.0.0'), release('1.5.0', { isSteppingStone: true }), release('2.0.0'), release('2.1.0')]
  const wayTo = (target: PathRelease, running: string | null, others = shelf) => {
    const path = findPath(target, others, running)
    return path.kind === 'via' ? path.versions.join(' ') : path.kind
  }

  it.each<[string, PathRelease, string | null, string]>([
    ['is open from anywhere', release('1.4.0'), '0.1.0', 'direct'],
    ['is open to a device that runs nothing of ours', release('1.4.0'), null, 'direct'],
    ['does not go over a stepping stone', release('3.0.0'), '1.4.0', '1.5.0'],
    ['goes on from a stepping stone', release('3.0.0'), '1.5.0', 'direct'],
    ['does not go over a stepping stone with a device that runs nothing of ours', release('3.0.0'), null, '1.5.0'],
    ['leads onto the stone itself', release('1.5.0', { isSteppingStone: true }), '1.0.0', 'direct'],
    ['needs the least version', release('3.0.0', { leastVersion: '2.0.0' }), '1.6.0', '2.0.0'],
    ['needs both', release('3.0.0', { leastVersion: '2.0.0' }), '1.4.0', '1.5.0 2.0.0'],
    ['is closed where nothing leads', release('3.0.0', { leastVersion: '2.9.0' }), '2.1.0', 'none'],
    [
      'counts a candidate as older than its release',
      release('2.0.0', { leastVersion: '1.5.0' }),
      '1.5.0-rc.1',
      '1.5.0',
    ],
    // A fallback: the former image under a higher sequence.
    ['leads back over a stone', release('1.0.0'), '2.0.0', 'direct'],
  ])('%s', (_, target, running, way) => {
    expect(wayTo(target, running)).toBe(way)
  })

  it('is never one that skips a stone or a least version', () => {
    const version = fc.tuple(fc.nat(3), fc.nat(3)).map(([major, minor]) => `${major}.${minor}.0`)
    const anyRelease = fc.record({
      version,
      leastVersion: fc.option(version, { nil: null }),
      isSteppingStone: fc.boolean(),
    })
    const order = (text: string | null) =>
      text === null ? -1 : Number(text.split('.')[0]) * 10 + Number(text.split('.')[1])
    fc.assert(
      fc.property(
        anyRelease,
        fc.array(anyRelease, { maxLength: 8 }),
        fc.option(version, { nil: null }),
        (target, others, running) => {
          const path = findPath(target, others, running)
          if (path.kind === 'none') return
          let from = running
          for (const to of [...(path.kind === 'via' ? path.versions : []), null]) {
            const steps = to === null ? [target] : others.filter((each) => each.version === to)
            const at = order(from)
            expect(
              steps.some(
                (each) =>
                  (each.leastVersion === null || (from !== null && at >= order(each.leastVersion))) &&
                  ![target, ...others].some(
                    (stone) =>
                      stone.isSteppingStone && order(stone.version) > at && order(stone.version) < order(each.version),
                  ),
              ),
            ).toBe(true)
            from = to
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})
