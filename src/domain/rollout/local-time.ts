import { Refusal } from '../refusal.js'

export const DAY_SECONDS = 86_400

/**
 * What a clock on a wall shows, as the seconds since the epoch at which a clock in UTC shows the same. No moment by itself:
 * the zone says which one it is, and twice a year that is none or two.
 */
export type WallSeconds = number

/** The engine's own copy of the IANA time zone database; a formatter takes a millisecond to make and a microsecond to ask. */
const formatters = new Map<string, Intl.DateTimeFormat>()

function formatterOf(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  formatters.set(zone, made)
  return made
}

/** Whether it names a zone of the IANA database, such as `Europe/Berlin`; a bare offset is none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false
  try {
    formatterOf(name)
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

/** @throws Refusal `REQUEST_INVALID` naming the field. */
export function requireTimeZone(field: string, name: string): string {
  if (isTimeZone(name)) return name
  throw new Refusal('REQUEST_INVALID', { field, why: 'not a time zone of the IANA database, such as Europe/Berlin' })
}

/** Seconds that clocks of the zone are ahead of UTC at that moment. */
export function offsetAt(zone: string, at: number): number {
  const text = formatterOf(zone).format(at * 1_000)
  const match = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text)
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match ?? []
  const size = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)
  return sign === '-' ? -size : size
}

export const wallAt = (zone: string, at: number): WallSeconds => at + offsetAt(zone, at)

/**
 * The first moment at which clocks of the zone show `wall` or something later on the way there: where clocks are put forward
 * over it, the moment of the jump; where they are put back, the first of the two.
 */
export function momentOf(zone: string, wall: WallSeconds): number {
  // No zone changes its offset twice within two days.
  const before = offsetAt(zone, wall - DAY_SECONDS)
  const after = offsetAt(zone, wall + DAY_SECONDS)
  const early = wall - before
  if (before === after || offsetAt(zone, early) === before) return early
  const late = wall - after
  if (offsetAt(zone, late) === after) return late
  return jumpBetween(zone, late, early)
}

/** The second at which the offset changes. @param from before it. @param to after it. */
function jumpBetween(zone: string, from: number, to: number): number {
  const old = offsetAt(zone, from)
  let [still, changed] = [from, to]
  while (changed - still > 1) {
    const middle = Math.floor((still + changed) / 2)
    if (offsetAt(zone, middle) === old) still = middle
    else changed = middle
  }
  return changed
}

/** Days since 1 January 1970, by the date that the clock shows. */
export const dayOf = (wall: WallSeconds): number => Math.floor(wall / DAY_SECONDS)

/** 0 Monday … 6 Sunday; 1 January 1970 was a Thursday. */
export const weekdayOf = (day: number): number => (((day + 3) % 7) + 7) % 7
