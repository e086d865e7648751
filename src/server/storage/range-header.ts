import type { ByteRange } from './firmware-store.port.js'

/**
 * The one range a client asks for (RFC 9110 §14.1.2): `bytes=N-`, `bytes=N-M`, `bytes=-N`.
 * @returns null to send everything: no header, another unit, or several ranges, which a server may ignore.
 */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | null {
  const end = sizeBytes - 1
  const suffix = /^bytes=-(\d+)$/.exec(header ?? '')?.[1]
  if (suffix !== undefined) return within(Math.max(sizeBytes - Number(suffix), 0), end)
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '')
  if (match === null) return null
  const [, from, to] = match
  const first = Number(from)
  if (to === '') return within(first, end)
  return Number(to) < first ? null : within(first, Math.min(Number(to), end))
}

const within = (first: number, last: number): ByteRange | 'unsatisfiable' =>
  first > last ? 'unsatisfiable' : { first, last }
