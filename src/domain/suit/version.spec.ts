import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { compareVersions, versionFromIntegers, versionToIntegers } from './version.js'

it.each([
  ['0.0.0', [0, 0, 0]],
  ['1.4.0', [1, 4, 0]],
  ['1.4.0-alpha.0', [1, 4, 0, -3, 0]],
  ['1.4.0-beta.12', [1, 4, 0, -2, 12]],
  ['1.4.0-rc.1', [1, 4, 0, -1, 1]],
  ['999999999.999999999.999999999-rc.999999999', [999_999_999, 999_999_999, 999_999_999, -1, 999_999_999]],
])('%s is written as integers and read back', (version, integers) => {
  expect(versionToIntegers(version)).toEqual(integers)
  expect(versionFromIntegers(integers)).toBe(version)
})

describe('refuses', () => {
  it.each(
    [
      ['', '1', '1.4', '1.4.0.0', 'v1.4.0', '1.4.0-', '1.4.0-rc', '1.4.0-rc.', '1.4.0-gamma.1', '1.4.0-rc.1.2'],
      [
        '01.4.0',
        '1.04.0',
        '1.4.00',
        '1.4.0-rc.01',
        '1.4.0+build',
        '1.4.-1',
        '1.4.0 ',
        '\n1.4.0',
        '1.4.0\n',
        '1000000000.0.0',
      ],
    ].flat(),
  )('the text %j', (version) => {
    expect(refusedBy(() => versionToIntegers(version))).toEqual({ code: 'VERSION_MALFORMED', detail: { version } })
  })

  it.each([
    [[], 'undefined.undefined.undefined'],
    [[1, 4], '1.4.undefined'],
    [[1, 4, 0, -1], '1.4.0-rc.undefined'],
    [[1, 4, 0, -4, 1], '1.4.0-undefined.1'],
    [[1, 4, 0, 0, 1], '1.4.0-undefined.1'],
    [[1, 4, 0, -1, -1], '1.4.0-rc.-1'],
    [[-1, 4, 0], '-1.4.0'],
    [[1, 4, 0, -1, 1, 0], '1.4.0-rc.1'],
    [[1_000_000_000, 0, 0], '1000000000.0.0'],
  ])('the integers %j', (integers, version) => {
    expect(refusedBy(() => versionFromIntegers(integers))).toEqual({ code: 'VERSION_MALFORMED', detail: { version } })
  })

  it('a long text without repeating all of it', () => {
    const { detail } = refusedBy(() => versionToIntegers('9'.repeat(10_000)))
    expect(detail).toEqual({ version: '9'.repeat(64) })
  })
})

it('orders as SemVer does', () => {
  const ordered = [
    '0.9.9',
    '1.0.0-alpha.1',
    '1.0.0-alpha.10',
    '1.0.0-beta.0',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.10.0',
    '2.0.0',
  ]
  expect(ordered.toReversed().toSorted(compareVersions)).toEqual(ordered)
  expect(compareVersions('1.0.0', '1.0.0')).toBe(0)
})
