import { Refusal } from '../refusal.js'
import { DAY_SECONDS } from './local-time.js'

/** Hours of a day in which something may happen, by the clocks of the place. `toSecond` goes beyond a day past midnight. */
export interface Window {
  /** Days on which it opens, as bits: 1 Monday … 64 Sunday. */
  readonly days: number
  readonly fromSecond: number
  readonly toSecond: number
}

/** Days on which nothing may happen, both included, as days since 1 January 1970. */
export interface Blackout {
  readonly fromDay: number
  readonly toDay: number
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const EVERY_DAY = 127
export const MAX_WINDOWS = 32
const LONGEST_BLACKOUT_DAYS = 366

/**
 * Reads `mon-fri,sun 22:00-05:00`. Without days: every day. An end not after its begin lies on the next day.
 * @throws Refusal `REQUEST_INVALID` naming the field.
 */
export function parseWindow(field: string, text: string): Window {
  const [, days, from = '', to = ''] = /^(?:(\S+) )?(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text) ?? []
  const [fromSecond, toSecond] = [secondOf(from), secondOf(to)]
  const bits = days === undefined ? EVERY_DAY : daysOf(days)
  if (fromSecond === null || toSecond === null || bits === null || fromSecond === DAY_SECONDS)
    throw new Refusal('REQUEST_INVALID', { field, why: 'not a window, such as "mon-fri 22:00-05:00"' })
  return { days: bits, fromSecond, toSecond: toSecond > fromSecond ? toSecond : toSecond + DAY_SECONDS }
}

function secondOf(text: string): number | null {
  const [hours, minutes] = text.split(':').map(Number)
  if (hours === undefined || minutes === undefined || minutes > 59) return null
  const second = hours * 3_600 + minutes * 60
  return second <= DAY_SECONDS ? second : null
}

/** "mon-fri,sun" as bits; a span may go over the weekend. */
function daysOf(text: string): number | null {
  let bits = 0
  for (const part of text.split(',')) {
    const [first, last = first, ...rest] = part.split('-').map((name) => dayNames.indexOf(name))
    if (first === undefined || last === undefined || first < 0 || last < 0 || rest.length > 0) return null
    for (let day = first; ; day = (day + 1) % 7) {
      bits |= 1 << day
      if (day === last) break
    }
  }
  return bits
}

/**
 * Reads `2026-12-20..2027-01-06`, or one day.
 * @throws Refusal `REQUEST_INVALID` naming the field.
 */
export function parseBlackout(field: string, text: string): Blackout {
  const [from = '', to = from, ...rest] = text.split('..')
  const [fromDay, toDay] = [findDay(from), findDay(to)]
  if (fromDay === null || toDay === null || rest.length > 0 || toDay < fromDay)
    throw new Refusal('REQUEST_INVALID', { field, why: 'not days, such as "2026-12-20..2027-01-06"' })
  if (toDay - fromDay > LONGEST_BLACKOUT_DAYS) throw new Refusal('REQUEST_INVALID', { field, why: 'more than a year' })
  return { fromDay, toDay }
}

function findDay(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return null
  const day = Date.parse(`${text}T00:00:00Z`) / (DAY_SECONDS * 1_000)
  // 30 February would be read as a day in March.
  return Number.isInteger(day) && new Date(day * DAY_SECONDS * 1_000).toISOString().startsWith(text) ? day : null
}
