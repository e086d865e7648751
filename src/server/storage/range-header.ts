import type { ByteRange } from './firmware-store.port.js'

/**
 * The one range a client asks for (RFC 9110 §14.1.2): `bytes=N-`, `bytes=N-M`, `bytes=-N`.
 * @returns null to send everything: no header, another unit, or several ranges, which a server may ignore.
 */
export function readRange(header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '')
  if (match === null || match[0] === 'bytes=-') return null
  const [, from = '', to = ''] = match
  const first = from === '' ? Math.max(sizeBytes - Number(to), 0) : Number(from)
  const last = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  if (from !== '' && to !== '' && Number(to) < Number(from)) return null
  return first > last ? 'unsatisfiable' : { first, last }
}
