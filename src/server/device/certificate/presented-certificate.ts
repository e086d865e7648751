import { X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { FastifyRequest } from 'fastify'
import type { TrustedProxies } from '../../trusted-proxies.js'

/** Of P-256, with two names in it. */
const MAX_BYTES = 2_048

/**
 * The certificate of whoever asks: of this very connection, or as a trusted proxy says that it saw it, in `Client-Cert` (RFC 9440) or
 * in `X-Client-Certificate` (PEM, percent-encoded, as nginx writes it). The key to it was shown to whoever spoke TLS; who issued it is
 * for the caller to judge. A header of anybody else is as if it were not there.
 */
export function findPresented(raw: FastifyRequest['raw'], proxies: TrustedProxies): X509Certificate | null {
  if (raw.socket instanceof TLSSocket) {
    const own = raw.socket.getPeerX509Certificate()
    if (own !== undefined) return own
  }
  const bytes = proxies.isTrusted(raw) ? bytesIn(raw.headers) : null
  if (bytes === null || bytes.length > MAX_BYTES) return null
  try {
    return new X509Certificate(bytes)
  } catch {
    // Not a certificate, so nobody's.
    return null
  }
}

function bytesIn(headers: IncomingHttpHeaders): Buffer | null {
  const standard = headers['client-cert']
  const structured = typeof standard === 'string' ? /^:([A-Za-z0-9+/=]{1,4096}):$/.exec(standard)?.[1] : undefined
  if (structured !== undefined) return Buffer.from(structured, 'base64')
  const escaped = headers['x-client-certificate']
  if (typeof escaped !== 'string' || escaped.length > 3 * MAX_BYTES) return null
  try {
    return Buffer.from(decodeURIComponent(escaped))
  } catch {
    return null
  }
}
