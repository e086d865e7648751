import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { pollAfterSeconds, pollBeforeWindow, sleepText } from './polling-time.js'

describe('when a client polls again', () => {
  it('is within the jitter, and the same at every poll of one device', () => {
    fc.assert(
      fc.property(
        fc.uuid(),
        fc.integer({ min: 60, max: 3_600 }),
        fc.integer({ min: 0, max: 50 }),
        (id, base, jitter) => {
          const after = pollAfterSeconds(id, base, jitter)
          expect(after).toBe(pollAfterSeconds(id, base, jitter))
          expect(Math.abs(after - base)).toBeLessThanOrEqual(Math.ceil((base * jitter) / 100))
        },
      ),
    )
  })

  it('differs from device to device, over the whole width', () => {
    const all = Array.from({ length: 2_000 }, (_, index) => pollAfterSeconds(`device-${index}`, 1_000, 10))
    expect(Math.min(...all)).toBeLessThan(905)
    expect(Math.max(...all)).toBeGreaterThan(1_095)
    const mean = all.reduce((sum, each) => sum + each, 0) / all.length
    expect(Math.abs(mean - 1_000)).toBeLessThan(10)
  })

  it('is never nothing and never beyond what can be written', () => {
    expect(pollAfterSeconds('device', 1, 50)).toBeGreaterThanOrEqual(1)
    const longest = Array.from({ length: 50 }, (_, index) => pollAfterSeconds(`device-${index}`, 86_399, 50))
    expect(Math.max(...longest)).toBe(86_399)
  })

  it.each([
    [0, '00:00:00'],
    [59, '00:00:59'],
    [3_661, '01:01:01'],
    [86_399, '23:59:59'],
  ])('%i seconds is written %s', (seconds, text) => expect(sleepText(seconds)).toBe(text))
})

describe('before a window opens', () => {
  it('no device sleeps past it, and they do not all come in its first second', () => {
    const waits = Array.from({ length: 200 }, (_, n) => pollBeforeWindow(`device ${n}`, 3_600, 1_500, 1_000))
    expect(Math.min(...waits)).toBeGreaterThan(500)
    expect(Math.max(...waits)).toBeLessThanOrEqual(561)
    expect(new Set(waits).size).toBeGreaterThan(30)
  })

  it.each([
    ['nothing is waited for', null],
    ['it is far off', 100_000],
    ['it is open', 1_000],
  ])('the usual interval holds when %s', (_, opensAt) => {
    expect(pollBeforeWindow('device', 3_600, opensAt, 1_000)).toBe(3_600)
  })
})
