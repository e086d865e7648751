import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { RepeatedRound } from './repeated-round.js'

beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

it('a round that takes longer than the time between two tells its failure once', async () => {
  const failures: unknown[] = []
  let fail: (error: Error) => void = () => undefined
  const work = () => new Promise<void>((_, reject) => (fail = reject))
  const rounds = new RepeatedRound(1_000, work, (error) => failures.push(error))
  rounds.begin()
  jest.advanceTimersByTime(15_000)
  fail(new Error('late'))
  await jest.advanceTimersByTimeAsync(500)
  expect(failures).toEqual([new Error('late')])
  // And the next one begins.
  jest.advanceTimersByTime(1_000)
  fail(new Error('again'))
  await jest.advanceTimersByTimeAsync(0)
  expect(failures).toHaveLength(2)
  await rounds.end()
})
