/** 2026-03-01T10:00:00Z */
export const timeText = (seconds: number): string =>
  seconds > 8_640_000_000_000 ? `second ${seconds}` : new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')

const units: readonly (readonly [number, string])[] = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
]

/** The two largest units: "3 days 4 hours". */
export function durationText(seconds: number): string {
  const parts: string[] = []
  let rest = Math.max(0, Math.floor(seconds))
  for (const [size, name] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`)
  }
  return parts.length === 0 ? '0 seconds' : parts.slice(0, 2).join(' ')
}

/** What people sign shows every second: "90 days", "90 days (7776001 seconds)". */
export const exactDurationText = (seconds: number): string =>
  seconds % 3_600 === 0 ? durationText(seconds) : `${durationText(seconds)} (${seconds} seconds)`

/** 1,234,567 */
export const countText = (count: number): string => count.toLocaleString('en-US')

export const sizeText = (bytes: number): string => `${countText(bytes)} bytes`

/** Digests as people compare them: groups of eight. */
export const fingerprintText = (hex: string): string => (hex.match(/.{1,8}/g) ?? []).join(' ')
