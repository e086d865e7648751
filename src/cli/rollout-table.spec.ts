import { expect, it } from '@jest/globals'
import { describeRollout } from './rollout-table.js'

const lineOf = (counts: Readonly<Record<string, number>>): string | undefined => {
  const stage = { index: 0, size: 4, state: 'open', counts, gate: { confirmedPercent: 60 }, soakSeconds: 0 }
  return describeRollout({ id: 'r', state: 'running', stages: [stage] } as unknown as Parameters<
    typeof describeRollout
  >[0])[1]
}

it.each([
  [{ confirmed: 2, queued: 1, reverted: 1 }, '████████████░░░░░░░░░░░░  2 of 4 confirmed, 1 queued, 1 failed'],
  [{ stored: 4 }, '████████████████████████  4 of 4 stored'],
  [{ stored: 2, confirmed: 1, downloading: 1 }, '██████████████████░░░░░░  3 of 4 stored, 1 under way'],
])('counts what a stage is for: %j', (counts, words) => {
  expect(lineOf(counts)).toBe(`  stage 1  open     ${words}`)
})
