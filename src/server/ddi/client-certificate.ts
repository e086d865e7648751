import type { IncomingHttpHeaders } from 'node:http'

/** Authorities that a proxy may name, one a header. */
const MOST_AUTHORITIES = 16

/**
 * Whether a trusted proxy says: a certificate of one of `authorities`, for exactly this client. `X-Controller-Id` is the name in the
 * certificate; `X-Authority`, or `X-Authority-1` and on, who signed it. Only to be asked when the proxy is trusted.
 */
export function isCertified(
  headers: IncomingHttpHeaders,
  controllerId: string,
  authorities: readonly string[],
): boolean {
  if (authorities.length === 0 || headers['x-controller-id'] !== controllerId) return false
  const known = new Set(authorities.map((each) => each.toLowerCase()))
  const names = ['x-authority', ...Array.from({ length: MOST_AUTHORITIES }, (_, index) => `x-authority-${index + 1}`)]
  return names.some((name) => {
    const value = headers[name]
    return typeof value === 'string' && known.has(value.toLowerCase())
  })
}
