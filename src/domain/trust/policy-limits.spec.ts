import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { cborMap, type CborValue } from '../cbor/value.js'
import { isWindowOpen, limitsToCbor, readLimits } from './policy-limits.js'

const second = (text: string): number => Date.parse(text) / 1000

describe('a change window', () => {
  // Monday to Friday, 08:00 to 16:00 UTC, and Saturday until midnight.
  const windows = [
    { days: 0b0011111, fromSecond: 8 * 3_600, toSecond: 16 * 3_600 },
    { days: 0b0100000, fromSecond: 0, toSecond: 86_400 },
  ]
  it.each([
    ['2026-11-23T07:59:59Z', false],
    ['2026-11-23T08:00:00Z', true],
    ['2026-11-27T15:59:59Z', true],
    ['2026-11-27T16:00:00Z', false],
    ['2026-11-28T00:00:00Z', true],
    ['2026-11-28T23:59:59Z', true],
    ['2026-11-29T12:00:00Z', false],
    ['1970-01-01T12:00:00Z', true],
  ])('is open at %s: %s', (time, open) => {
    expect(isWindowOpen(windows, second(time))).toBe(open)
  })

  it('is always open where none is named, and never where the list is empty', () => {
    expect(isWindowOpen(undefined, 0)).toBe(true)
    expect(isWindowOpen([], 0)).toBe(false)
  })
})

it('reads what it writes', () => {
  const limits = {
    signaturesPerDay: 10,
    windows: [{ days: 127, fromSecond: 0, toSecond: 86_400 }],
    maxImageBytes: 1_000,
    approvalLifeSeconds: 86_400,
    breakGlass: '2 of security',
    devicesPerHour: 100,
    minRolloutApprovers: 1,
    certificatesPerDay: 1_000,
    firmwareFormats: ['mcuboot', 'unknown'] as const,
  }
  expect(readLimits(limitsToCbor(limits))).toEqual(limits)
  expect(readLimits(limitsToCbor({}))).toEqual({})
})

describe('refuses', () => {
  const range = 'days or seconds out of range'
  it.each([
    ['a limit it does not know', 'signaturesPerHour', 1, 'unknown member'],
    ['a negative limit', 'maxImageBytes', -1, 'not an unsigned integer'],
    ['a limit of words', 'devicesPerHour', 'many', 'not an unsigned integer'],
    ['windows that are no list', 'windows', 0, 'not an array'],
    ['a window of two', 'windows', [[1, 0]], 'not an array of 3'],
    ['a window on no day', 'windows', [[0, 0, 1]], range],
    ['a window on an eighth day', 'windows', [[128, 0, 1]], range],
    ['a window that ends before it begins', 'windows', [[1, 2, 1]], range],
    ['a window without length', 'windows', [[1, 1, 1]], range],
    ['a window past midnight', 'windows', [[1, 0, 86_401]], range],
    ['formats that are no list', 'firmwareFormats', 'any', 'not an array'],
    ['a list without formats', 'firmwareFormats', [], 'allows nothing'],
    ['a format that is none', 'firmwareFormats', ['mcuboot', 'exe'], 'unknown format'],
    ['a format that is a number', 'firmwareFormats', [1], 'not a text of 1 to 128 characters'],
    ['a format twice', 'firmwareFormats', ['uf2', 'uf2'], 'a format is listed twice'],
  ] as [string, string, CborValue, string][])('%s', (_, field, value, why) => {
    expect(refusedBy(() => readLimits(cborMap([[field, value]])))).toEqual({
      code: 'DOCUMENT_MALFORMED',
      detail: { document: 'policy limits', field, why },
    })
  })

  it('a break-glass quorum that is none', () => {
    expect(refusedBy(() => readLimits(cborMap([['breakGlass', 'anybody']])))).toEqual({
      code: 'DOCUMENT_MALFORMED',
      detail: { document: 'policy', field: '7', why: 'not a quorum expression' },
    })
  })
})
