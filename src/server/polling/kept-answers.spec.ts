import { expect, it } from '@jest/globals'
import { KeptAnswers } from './kept-answers.js'

const answerOf = (n: number) => ({ key: `/poll/${n}`, device: `gateway/prod ${n}` })

it('a million devices take no more room than there is', () => {
  const kept = new KeptAnswers(1_000)
  for (let n = 0; n < 1_000_000; n += 1) kept.keep(answerOf(n))
  expect(kept.size).toBe(1_000)
  expect(kept.find('/poll/0')).toBeUndefined()
  expect(kept.find('/poll/999999')).toEqual(answerOf(999_999))
})

it('a device has one answer, under what it asked with last', () => {
  const kept = new KeptAnswers(10)
  kept.keep({ key: '/a', device: 'd' })
  kept.keep({ key: '/b', device: 'd' })
  expect([kept.find('/a'), kept.find('/b')?.device, kept.size]).toEqual([undefined, 'd', 1])
  kept.drop('d')
  expect([kept.find('/b'), kept.size]).toEqual([undefined, 0])
})
