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
  [{ cancelled: 2, superseded: 1 }, '░░░░░░░░░░░░░░░░░░░░░░░░  0 of 4 confirmed, 2 cancelled, 1 superseded'],
  [{ stored: 4 }, '████████████████████████  4 of 4 stored'],
  [{ stored: 2, confirmed: 1, downloading: 1 }, '██████████████████░░░░░░  3 of 4 stored, 1 under way'],
])('counts what a stage is for: %j', (counts, words) => {
  expect(lineOf(counts)).toBe(`  stage 1  open     ${words}`)
})

it.each([
  ['gate-missed', null, null, ' (gate-missed)', /cannot resume; "rollout cancel"[^;]*$/],
  ['gate-missed', null, 'f', ' (gate-missed)', /"rollout roll-back" brings the fallback$/],
  ['plan-expired', null, 'f', ' (plan-expired)', /a later --expires$/],
  ['signer-refused', 'KRL_EXPIRED', null, ' (signer-refused: KRL_EXPIRED)', /^next: the online signer/],
])('tells what to do after %s', (pauseReason, pauseCode, fallbackReleaseId, why, next) => {
  const paused = { id: 'r', state: 'paused', pauseReason, pauseCode, fallbackReleaseId, stages: [] }
  const lines = describeRollout(paused as unknown as Parameters<typeof describeRollout>[0])
  expect(lines[0]).toBe(`rollout r: paused${why}`)
  expect(lines.at(-1)).toMatch(next)
})

it('says what a rollout waits for, and until when where that is known', () => {
  const linesOf = (waits: object): readonly string[] =>
    describeRollout({ id: 'r', state: 'running', stages: [], ...waits } as unknown as Parameters<
      typeof describeRollout
    >[0])
  expect(linesOf({ waitingFor: 'SOAK', waitsUntil: 1_800_000_000 })[1]).toBe('  waits: SOAK until 2027-01-15T08:00:00Z')
  expect(linesOf({ waitingFor: 'WINDOW_CLOSED', waitsUntil: null })[1]).toBe('  waits: WINDOW_CLOSED')
  expect(linesOf({ waitingFor: null, waitsUntil: null })).toHaveLength(1)
})
