import { sha256, utf8 } from '../domain/bytes.js'

const LONGEST_SECONDS = 86_399

/**
 * When a client is to poll again. Jitter is the device's own share, from its id: it does not move from poll to poll, so that an
 * answer stays the same and has one ETag, and devices that began together drift apart.
 * @param jitterPercent of `seconds`, in both directions.
 */
export function pollAfterSeconds(deviceId: string, seconds: number, jitterPercent: number): number {
  const hash = sha256(utf8(deviceId))
  // From -1 to 1.
  const share = (((hash[0] ?? 0) << 8) | (hash[1] ?? 0)) / 32_767.5 - 1
  const shifted = Math.round(seconds * (1 + (share * jitterPercent) / 100))
  return Math.min(LONGEST_SECONDS, Math.max(1, shifted))
}

/** Devices that wait for one window do not all come in its first second. */
const WINDOW_SHARE_SECONDS = 60

/**
 * Denser before a window: no device sleeps past the moment at which it may go on, but for its own share of a minute.
 * @param opensAt seconds since the epoch; null when it waits for nothing.
 */
export function pollBeforeWindow(deviceId: string, seconds: number, opensAt: number | null, now: number): number {
  if (opensAt === null || opensAt >= now + seconds || opensAt <= now) return seconds
  const hash = sha256(utf8(`${deviceId} ${opensAt}`))
  const share = (((hash[0] ?? 0) << 8) | (hash[1] ?? 0)) / 65_536
  return opensAt - now + 1 + Math.floor(share * WINDOW_SHARE_SECONDS)
}

/** `HH:mm:ss`, the one form that clients read; Zephyr wants its eight characters. */
export function sleepText(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(Math.floor(seconds / 3_600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}
