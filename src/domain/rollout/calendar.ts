import { DAY_SECONDS, dayOf, momentOf, wallAt, weekdayOf } from './local-time.js'
import type { Blackout, Window } from './window.js'

/** When something may happen at a place. No windows: always, but for the blackout days. */
export interface Calendar {
  readonly windows: readonly Window[]
  readonly blackouts: readonly Blackout[]
}

/** From ≤ t < to, seconds since the epoch. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** Further ahead nobody plans, and nothing is looked for. */
export const HORIZON_SECONDS = 400 * DAY_SECONDS
const LOOK_SECONDS = 8 * DAY_SECONDS

export const always: Calendar = { windows: [], blackouts: [] }

export const isAlways = (calendar: Calendar): boolean =>
  calendar.windows.length === 0 && calendar.blackouts.length === 0

/** What is open between two moments at a place of that zone, in order, apart from each other, cut to those moments. */
export function openingsBetween(calendar: Calendar, zone: string, from: number, to: number): readonly Interval[] {
  if (isAlways(calendar)) return from < to ? [{ from, to }] : []
  // A window that opened the day before may still be open.
  const [firstDay, lastDay] = [dayOf(wallAt(zone, from)) - 1, dayOf(wallAt(zone, to)) + 1]
  const shut = calendar.blackouts
    .filter((blackout) => blackout.fromDay <= lastDay && blackout.toDay >= firstDay)
    .map(({ fromDay, toDay }) => dayInterval(zone, fromDay, toDay))
  const open = calendar.windows.length === 0 ? [{ from, to }] : windowsOpen(calendar.windows, zone, firstDay, lastDay)
  const parts = shut.reduce((left, each) => left.flatMap((one) => without(one, each)), merge(open))
  return parts.map((each) => cut(each, from, to)).filter((each) => each.from < each.to)
}

const dayInterval = (zone: string, fromDay: number, toDay: number): Interval => ({
  from: momentOf(zone, fromDay * DAY_SECONDS),
  to: momentOf(zone, (toDay + 1) * DAY_SECONDS),
})

function windowsOpen(windows: readonly Window[], zone: string, firstDay: number, lastDay: number): Interval[] {
  const open: Interval[] = []
  for (let day = firstDay; day <= lastDay; day += 1)
    for (const { days, fromSecond, toSecond } of windows) {
      if ((days & (1 << weekdayOf(day))) === 0) continue
      const midnight = day * DAY_SECONDS
      open.push({ from: momentOf(zone, midnight + fromSecond), to: momentOf(zone, midnight + toSecond) })
    }
  return open
}

function merge(intervals: readonly Interval[]): Interval[] {
  const merged: Interval[] = []
  for (const each of intervals.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1)
    if (last === undefined || each.from > last.to) merged.push(each)
    else if (each.to > last.to) merged[merged.length - 1] = { from: last.from, to: each.to }
  }
  return merged
}

const without = (one: Interval, shut: Interval): Interval[] =>
  [cut(one, -Infinity, shut.from), cut(one, shut.to, Infinity)].filter((each) => each.from < each.to)

const cut = (each: Interval, from: number, to: number): Interval => ({
  from: Math.max(each.from, from),
  to: Math.min(each.to, to),
})

/** Whether it is open at that moment, and the moment up to which that stays so; within a week. */
export function stateAt(calendar: Calendar, zone: string, at: number): { isOpen: boolean; until: number } {
  const [first] = openingsBetween(calendar, zone, at, at + LOOK_SECONDS)
  if (first === undefined) return { isOpen: false, until: at + LOOK_SECONDS }
  return first.from > at ? { isOpen: false, until: first.from } : { isOpen: true, until: first.to }
}

/**
 * The opening that is on, from `at` then, or else the next one. Its end is Infinity when it is more than a week away.
 * @returns null when there is none before `until`.
 */
export function findOpening(calendar: Calendar, zone: string, at: number, until: number): Interval | null {
  const end = Math.min(until, at + HORIZON_SECONDS)
  for (let from = at; from < end; from += LOOK_SECONDS) {
    const [found] = openingsBetween(calendar, zone, from, Math.min(end, from + LOOK_SECONDS))
    if (found === undefined) continue
    const limit = found.from + LOOK_SECONDS
    const [whole = found] = openingsBetween(calendar, zone, found.from, limit)
    return { from: found.from, to: whole.to < limit ? whole.to : Infinity }
  }
  return null
}

/**
 * The moment since which `seconds` of open time have passed: whoever has been silent since then, or longer, had its chance.
 * @returns -Infinity when there was not so much open time within the horizon.
 */
export function openSince(calendar: Calendar, zone: string, now: number, seconds: number): number {
  let missing = seconds
  for (let to = now; to > now - HORIZON_SECONDS; to -= LOOK_SECONDS)
    for (const each of openingsBetween(calendar, zone, to - LOOK_SECONDS, to).toReversed()) {
      const length = each.to - each.from
      if (length >= missing) return each.to - missing
      missing -= length
    }
  return -Infinity
}
