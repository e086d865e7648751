import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { refusedBy } from '../../../test/support/refused.js'
import { always, findOpening, openingsBetween, openSince, stateAt, type Calendar } from './calendar.js'
import { isTimeZone, momentOf, offsetAt, requireTimeZone, wallAt } from './local-time.js'
import { parseBlackout, parseWindow } from './window.js'

const at = (text: string): number => Date.parse(text) / 1_000
const calendar = (windows: readonly string[], blackouts: readonly string[] = []): Calendar => ({
  windows: windows.map((text) => parseWindow('install', text)),
  blackouts: blackouts.map((text) => parseBlackout('blackout', text)),
})
const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString().replace('.000Z', 'Z')
const opened = (
  windows: readonly string[],
  zone: string,
  from: string,
  to: string,
  blackouts: readonly string[] = [],
) =>
  openingsBetween(calendar(windows, blackouts), zone, at(from), at(to)).map(
    (each) => `${iso(each.from)} ${iso(each.to)}`,
  )

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  // Half an hour of daylight saving.
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  // Put their clocks the other way round.
  'America/Santiago',
  'Europe/Dublin',
  // Went over the date line, and left out 30 December 2011.
  'Pacific/Apia',
]
const moments = fc.integer({ min: at('2005-01-01T00:00:00Z'), max: at('2035-01-01T00:00:00Z') })

describe('local time', () => {
  it('is what an independent implementation says, in every zone of the database', () => {
    const all = Intl.supportedValuesOf('timeZone')
    expect(all.length).toBeGreaterThan(300)
    fc.assert(
      fc.property(fc.constantFrom(...all), moments, (zone, moment) => {
        const zoned = Temporal.Instant.fromEpochMilliseconds(moment * 1_000).toZonedDateTimeISO(zone)
        expect(offsetAt(zone, moment)).toBe(zoned.offsetNanoseconds / 1e9)
      }),
      { numRuns: 1_000 },
    )
  })

  it('finds the moment of a wall clock: the first of two, the end of a gap', () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), moments, (zone, wall) => {
        const plain = Temporal.Instant.fromEpochMilliseconds(wall * 1_000)
          .toZonedDateTimeISO('UTC')
          .toPlainDateTime()
        const zoned = plain.toZonedDateTime(zone, { disambiguation: 'earlier' })
        const moment = momentOf(zone, wall)
        if (zoned.toPlainDateTime().equals(plain)) expect(moment).toBe(zoned.epochMilliseconds / 1_000)
        else {
          // The clock jumps over it: a second before it shows less, at it more.
          expect(wallAt(zone, moment - 1)).toBeLessThan(wall)
          expect(wallAt(zone, moment)).toBeGreaterThan(wall)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it.each(['+02:00', '', 'Europe/Nowhere', "Europe/Berlin'--", 'x'.repeat(65)])('%j is no time zone', (name) => {
    expect(isTimeZone(name)).toBe(false)
    expect(refusedBy(() => requireTimeZone('timeZone', name))).toMatchObject({
      code: 'REQUEST_INVALID',
      detail: { field: 'timeZone' },
    })
  })
})

describe('windows', () => {
  it('open at the hour of the place, whatever its offset on that day', () => {
    expect(opened(['22:00-05:00'], 'Europe/Berlin', '2026-03-27T12:00:00Z', '2026-03-30T12:00:00Z')).toEqual([
      '2026-03-27T21:00:00Z 2026-03-28T04:00:00Z',
      // The night in which an hour is missing.
      '2026-03-28T21:00:00Z 2026-03-29T03:00:00Z',
      '2026-03-29T20:00:00Z 2026-03-30T03:00:00Z',
    ])
    // The night that has one more.
    expect(opened(['22:00-05:00'], 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-24T20:00:00Z 2026-10-25T04:00:00Z',
    ])
  })

  it('inside the hour that is missing do not open, and inside the one that comes twice open once', () => {
    expect(opened(['02:00-03:00'], 'Europe/Berlin', '2026-03-29T00:00:00Z', '2026-03-29T12:00:00Z')).toEqual([])
    expect(opened(['02:30-03:30'], 'Europe/Berlin', '2026-03-29T00:00:00Z', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-29T01:00:00Z 2026-03-29T01:30:00Z',
    ])
    expect(opened(['02:15-02:45'], 'Europe/Berlin', '2026-10-25T00:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-25T00:15:00Z 2026-10-25T00:45:00Z',
    ])
    expect(opened(['02:00-03:00'], 'Europe/Berlin', '2026-10-25T00:00:00Z', '2026-10-25T12:00:00Z')).toEqual([
      '2026-10-25T00:00:00Z 2026-10-25T02:00:00Z',
    ])
  })

  it('open on their days, by the date of the place, and add up', () => {
    // Saturday in Auckland is Friday in UTC.
    expect(opened(['sat 01:00-02:00'], 'Pacific/Auckland', '2026-06-01T00:00:00Z', '2026-06-08T00:00:00Z')).toEqual([
      '2026-06-05T13:00:00Z 2026-06-05T14:00:00Z',
    ])
    expect(
      opened(['fri-mon 10:00-12:00', 'sun 11:00-13:00'], 'UTC', '2026-06-05T00:00:00Z', '2026-06-10T00:00:00Z'),
    ).toEqual([
      '2026-06-05T10:00:00Z 2026-06-05T12:00:00Z',
      '2026-06-06T10:00:00Z 2026-06-06T12:00:00Z',
      '2026-06-07T10:00:00Z 2026-06-07T13:00:00Z',
      '2026-06-08T10:00:00Z 2026-06-08T12:00:00Z',
    ])
  })

  it('stay shut on blackout days, from midnight to midnight of the place', () => {
    const nights = ['22:00-04:00']
    expect(
      opened(nights, 'America/New_York', '2026-12-23T00:00:00Z', '2026-12-28T00:00:00Z', ['2026-12-24..2026-12-25']),
    ).toEqual([
      '2026-12-23T03:00:00Z 2026-12-23T09:00:00Z',
      '2026-12-24T03:00:00Z 2026-12-24T05:00:00Z',
      '2026-12-26T05:00:00Z 2026-12-26T09:00:00Z',
      '2026-12-27T03:00:00Z 2026-12-27T09:00:00Z',
    ])
    expect(opened([], 'UTC', '2026-12-23T00:00:00Z', '2026-12-26T00:00:00Z', ['2026-12-24'])).toEqual([
      '2026-12-23T00:00:00Z 2026-12-24T00:00:00Z',
      '2026-12-25T00:00:00Z 2026-12-26T00:00:00Z',
    ])
  })

  it('agree with the clock on the wall outside the hours that are put', () => {
    const nights = calendar(['mon-fri 21:30-04:15'])
    fc.assert(
      fc.property(fc.constantFrom(...zones), moments, (zone, moment) => {
        const wall = Temporal.Instant.fromEpochMilliseconds(moment * 1_000).toZonedDateTimeISO(zone)
        fc.pre(wall.subtract({ days: 2 }).offset === wall.add({ days: 2 }).offset)
        const minute = wall.hour * 60 + wall.minute
        const isEvening = minute >= 1_290 && wall.dayOfWeek <= 5
        const isMorning = minute < 255 && wall.subtract({ days: 1 }).dayOfWeek <= 5
        const { isOpen, until } = stateAt(nights, zone, moment)
        expect(isOpen).toBe(isEvening || isMorning)
        expect(stateAt(nights, zone, until).isOpen).toBe(!isOpen)
        expect(stateAt(nights, zone, until - 1).isOpen).toBe(isOpen)
      }),
      { numRuns: 500 },
    )
  })

  it('are looked for as far as is said, and not further', () => {
    const christmas = calendar(['fri 10:00-11:00'], ['2026-01-01..2026-12-31'])
    const [begin, end] = [at('2026-01-02T00:00:00Z'), at('2026-12-31T00:00:00Z')]
    expect(findOpening(christmas, 'UTC', begin, end)).toBeNull()
    expect(findOpening(christmas, 'UTC', begin, end + 30 * 86_400)).toEqual({
      from: at('2027-01-01T10:00:00Z'),
      to: at('2027-01-01T11:00:00Z'),
    })
    expect(findOpening(always, 'UTC', begin, end)).toEqual({ from: begin, to: Infinity })
    // On already, from now to its end.
    expect(findOpening(calendar(['09:00-17:00']), 'UTC', at('2026-06-01T12:00:00Z'), end)).toEqual({
      from: at('2026-06-01T12:00:00Z'),
      to: at('2026-06-01T17:00:00Z'),
    })
  })

  it('alone count as time in which a device could have answered', () => {
    const nights = calendar(['22:00-02:00'])
    const now = at('2026-06-10T12:00:00Z')
    expect(iso(openSince(nights, 'UTC', now, 6 * 3_600))).toBe('2026-06-09T00:00:00Z')
    expect(openSince(always, 'UTC', now, 3_600)).toBe(now - 3_600)
    expect(
      openSince(
        calendar(['mon 10:00-11:00'], ['2024-01-01..2024-12-31', '2025-01-01..2025-12-31']),
        'UTC',
        at('2026-01-02T00:00:00Z'),
        60,
      ),
    ).toBe(-Infinity)
  })
})

describe('what people write', () => {
  it.each([
    '22:00',
    'mon-fri',
    'mon-fri 25:00-26:00',
    'mo 10:00-12:00',
    '24:00-01:00',
    'mon- 10:00-11:00',
    '10:60-11:00',
    ' 10:00-11:00',
  ])('a window %j is refused', (text) => {
    expect(refusedBy(() => parseWindow('install', text))).toMatchObject({
      code: 'REQUEST_INVALID',
      detail: { field: 'install' },
    })
  })
  it('a window may be the whole day', () => {
    expect(parseWindow('install', '00:00-24:00')).toEqual({ days: 127, fromSecond: 0, toSecond: 86_400 })
    expect(parseWindow('install', 'sat,sun 12:00-12:00')).toEqual({ days: 96, fromSecond: 43_200, toSecond: 129_600 })
  })
  it.each([
    '2026-13-01',
    '2026-02-30',
    '2026-12-24..',
    '2026-12-24..2026-12-23',
    '2026-01-01..2027-06-01',
    '24.12.2026',
  ])('blackout days %j are refused', (text) => {
    expect(refusedBy(() => parseBlackout('blackout', text))).toMatchObject({
      code: 'REQUEST_INVALID',
      detail: { field: 'blackout' },
    })
  })
})
