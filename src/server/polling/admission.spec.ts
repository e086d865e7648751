import { describe, expect, it } from '@jest/globals'
import { Admission } from './admission.js'

interface Drained {
  readonly served: number
  readonly endMs: number
  readonly mostAtOnce: number
  readonly mostTries: number
}

/** A fleet that comes within `withinMs`, and a server that takes `takesMs` for each, in a model of the clock. */
function drain(devices: number, withinMs: number, mostAtOnce: number, takesMs: number): Drained {
  const admission = new Admission({ mostAtOnce, longestSeconds: 900 })
  const events = new Map<number, (() => void)[]>()
  const at = (ms: number, work: () => void): void => {
    const slot = Math.ceil(ms)
    const known = events.get(slot)
    if (known === undefined) events.set(slot, [work])
    else known.push(work)
  }
  const result = { served: 0, endMs: 0, mostAtOnce: 0, mostTries: 0 }
  let [now, atOnce] = [0, 0]
  const ask = (tries: number): void => {
    result.mostTries = Math.max(result.mostTries, tries)
    const seconds = admission.enter(now)
    if (seconds !== null) return at(now + seconds * 1_000, () => ask(tries + 1))
    atOnce += 1
    result.mostAtOnce = Math.max(result.mostAtOnce, atOnce)
    at(now + takesMs, () => {
      atOnce -= 1
      admission.leave(takesMs)
      result.served += 1
      result.endMs = now
    })
  }
  for (let index = 0; index < devices; index += 1) at((index * withinMs) / devices, () => ask(1))
  for (; result.served < devices && now < 86_400_000; now += 1) {
    for (const work of events.get(now) ?? []) work()
    events.delete(now)
  }
  return result
}

describe('a fleet that was cut off for two hours and comes all at once', () => {
  it('is served whole, in little more than the time that it takes, never more at once than there is room for', () => {
    // 5,000 a second can be served: 20 s of work arrive within one.
    const { served, endMs, mostAtOnce, mostTries } = drain(100_000, 1_000, 100, 20)
    expect(served).toBe(100_000)
    expect(mostAtOnce).toBeLessThanOrEqual(100)
    expect(endMs).toBeLessThan(60_000)
    expect(mostTries).toBeLessThanOrEqual(8)
  })

  it('is sent away for no longer than a quarter of an hour by a server that is very slow', () => {
    const { served, endMs, mostAtOnce } = drain(20_000, 100, 10, 1_000)
    expect(served).toBe(20_000)
    expect(mostAtOnce).toBeLessThanOrEqual(10)
    // 2,000 s of work.
    expect(endMs).toBeLessThan(6_000_000)
  })
})

it('nobody is sent away while there is room, and everybody has a moment of their own afterwards', () => {
  const admission = new Admission({ mostAtOnce: 2, longestSeconds: 900 })
  expect([admission.enter(0), admission.enter(0)]).toEqual([null, null])
  const seconds = Array.from({ length: 100 }, () => admission.enter(0) ?? 0)
  expect(Math.min(...seconds)).toBeGreaterThanOrEqual(1)
  // One takes 100 ms, two at once: 20 a second, of which three fifths are theirs.
  expect(Math.max(...seconds)).toBeLessThanOrEqual(Math.ceil(1 + 100 / 12))
  expect(Math.max(...seconds)).toBeGreaterThan(7)
  admission.leave(100)
  expect(admission.enter(0)).toBeNull()
})
