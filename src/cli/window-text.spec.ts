import { expect, it } from '@jest/globals'
import { nextOpeningText, windowsText } from './window-text.js'

// 2027-01-15 is a Friday; 08:00 UTC.
const FRIDAY_8 = 1_800_000_000
const workdays = [{ days: 31, fromSecond: 28_800, toSecond: 57_600 }]

it.each([
  ['Friday, inside', workdays, FRIDAY_8, '2027-01-15T08:00:00Z'],
  ['Friday, a second early', workdays, FRIDAY_8 - 1, '2027-01-15T08:00:00Z'],
  ['Friday evening, over the week-end', workdays, FRIDAY_8 + 28_800, '2027-01-18T08:00:00Z'],
  ['the same day of next week', [{ days: 16, fromSecond: 0, toSecond: 1 }], FRIDAY_8, '2027-01-22T00:00:00Z'],
])('a window opens next: %s', (_, windows, now, opening) => {
  expect(nextOpeningText(windows, now)).toBe(`the next window opens ${opening}`)
})

it('says never where no window is', () => {
  expect([nextOpeningText([], FRIDAY_8), windowsText([]), windowsText(undefined)]).toEqual([
    'no window ever opens',
    'never open',
    'always open',
  ])
})
