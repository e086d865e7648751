import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { HeldAnswers } from './held-answers.js'

let nowMs: number
beforeEach(() => {
  nowMs = 0
  jest.spyOn(performance, 'now').mockImplementation(() => nowMs)
})
afterEach(() => {
  jest.restoreAllMocks()
})

let asked = 0
const asking = (tookMs: number) => (): Promise<number> => {
  nowMs += tookMs
  return Promise.resolve((asked += 1))
}

it.each([
  ['a quick answer for so long', 1, 2_000],
  ['one that takes longer for ten times that', 500, 5_000],
])('holds %s, and asks anew then', async (_, tookMs, heldMs) => {
  const answers = new HeldAnswers<number>(2_000)
  const first = await answers.find('a', asking(tookMs))
  nowMs += heldMs - 1
  expect(await answers.find('a', asking(0))).toBe(first)
  expect(await answers.find('b', asking(0))).toBe(first + 1)
  nowMs += 1
  expect(await answers.find('a', asking(0))).toBe(first + 2)
})

it('holds no failure', async () => {
  const answers = new HeldAnswers<number>(2_000)
  await expect(answers.find('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away')
  expect(await answers.find('a', asking(0))).toBe(asked)
})

it('forgets all before it holds too many', async () => {
  const answers = new HeldAnswers<number>(2_000)
  const first = await answers.find('0', asking(0))
  for (let n = 1; n < 256; n += 1) await answers.find(String(n), asking(0))
  expect(await answers.find('0', asking(0))).toBe(first)
  await answers.find('256', asking(0))
  expect(await answers.find('0', asking(0))).toBe(asked)
  expect(asked).toBeGreaterThan(first + 256)
})
