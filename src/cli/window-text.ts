import { isWindowOpen, type ChangeWindow } from '../domain/trust/policy-limits.js'
import { timeText } from './quantity-text.js'

const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday']
const DAY_SECONDS = 86_400
/** A window that does not open within eight days opens never: it names the days of one week. */
const LOOK_AHEAD_DAYS = 8

/** 08:00, and 08:00:30 where that matters. */
function clockText(second: number): string {
  const parts = [second / 3_600, (second % 3_600) / 60, ...(second % 60 === 0 ? [] : [second % 60])]
  return parts.map((part) => String(Math.floor(part)).padStart(2, '0')).join(':')
}

/** "Monday, Tuesday 08:00 to 16:00 UTC" */
const windowText = ({ days: bits, fromSecond, toSecond }: ChangeWindow): string =>
  `${days.filter((_, day) => (bits & (1 << day)) !== 0).join(', ')} ${clockText(fromSecond)} to ${clockText(toSecond)} UTC`

/** Change windows of a policy in words. */
export function windowsText(windows: readonly ChangeWindow[] | undefined): string {
  if (windows === undefined) return 'always open'
  return windows.length === 0 ? 'never open' : windows.map(windowText).join('; ')
}

/** @param now seconds. @returns the first second, from now on, in which a window is open; null when none ever is. */
export function findNextOpening(windows: readonly ChangeWindow[] | undefined, now: number): number | null {
  if (isWindowOpen(windows, now)) return now
  const midnight = now - (now % DAY_SECONDS)
  const starts = Array.from({ length: LOOK_AHEAD_DAYS + 1 }, (_, day) => midnight + day * DAY_SECONDS).flatMap((day) =>
    (windows ?? []).map((window) => day + window.fromSecond),
  )
  const open = starts.filter((second) => second > now && isWindowOpen(windows, second))
  return open.length === 0 ? null : Math.min(...open)
}

/** When the next window opens, for people. */
export function nextOpeningText(windows: readonly ChangeWindow[] | undefined, now: number): string {
  const second = findNextOpening(windows, now)
  return second === null ? 'no window ever opens' : `the next window opens ${timeText(second)}`
}
