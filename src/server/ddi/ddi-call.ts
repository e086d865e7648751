import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../../domain/refusal.js'
import type { WireValue } from '../../protocol/wire-cbor.js'
import { isHeld } from '../entity-tag.js'
import type { TrustedProxies } from '../trusted-proxies.js'
import type { DdiTarget } from './ddi-target.js'
import { chooseMedia, encodeAs } from './media.js'

/** What a client proved itself with, where it was its own token. */
export interface OwnSecret {
  readonly credentialSha256: Uint8Array
  /** The device feed's before the client was looked up. */
  readonly tick: number | null
}

/** One authenticated request of a client. */
export interface DdiCall {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly target: DdiTarget
  readonly secret: OwnSecret | null
  /** Scheme and host as the client sees them. */
  readonly origin: string
  readonly isHttps: boolean
  /** The client's own address, absolute, without "/" at its end: what links begin with. */
  readonly base: string
  readonly params: Readonly<Record<string, string>>
}

const HOST = /^[A-Za-z0-9.\-:[\]]{1,255}$/

/** Scheme and host as the client sees them: by its own connection and `Host`, or by the word of a proxy that is trusted. */
export function originOf(
  raw: Pick<IncomingMessage, 'headers' | 'socket'>,
  proxies: TrustedProxies,
  publicUrl: string,
): { readonly origin: string; readonly isHttps: boolean } {
  const forwarded = proxies.isTrusted(raw)
  const first = (name: string): string | undefined => {
    const value = forwarded ? raw.headers[name] : undefined
    return typeof value === 'string' ? value.split(',')[0]?.trim() : undefined
  }
  const ownScheme = raw.socket instanceof TLSSocket ? 'https' : 'http'
  const isHttps = (first('x-forwarded-proto') ?? ownScheme) === 'https'
  const host = first('x-forwarded-host') ?? raw.headers.host ?? ''
  if (!HOST.test(host)) return { origin: publicUrl, isHttps: publicUrl.startsWith('https:') }
  return { origin: `${isHttps ? 'https' : 'http'}://${host}`, isHttps }
}

/** An answer as its bytes, and what is said about them. */
export interface Rendered {
  readonly etag: string
  readonly body: string | Buffer
  readonly headers: Readonly<Record<string, string>>
}

/** In the kind that the client likes. @throws Refusal `NOT_ACCEPTABLE`. */
export function render({ headers }: FastifyRequest, value: WireValue): Rendered {
  const type = chooseMedia(headers.accept)
  if (type === null) throw new Refusal('NOT_ACCEPTABLE', { accept: (headers.accept ?? '').slice(0, 64) })
  const body = encodeAs(type, value)
  const etag = `"${hash('sha1', body, 'base64url')}"`
  return {
    etag,
    body,
    headers: {
      etag,
      'cache-control': 'private, no-cache',
      vary: 'accept',
      // As the framework writes it, so that an answer is the same whichever way it goes.
      'content-type': type === 'application/cbor' ? type : `${type}; charset=utf-8`,
      'content-length': String(Buffer.byteLength(body)),
    },
  }
}

/** With 200; or 304 when the client has this very answer. */
export function sendRendered({ request, reply }: DdiCall, { etag, body, headers }: Rendered): FastifyReply {
  const held = request.headers['if-none-match']
  if (held !== undefined && isHeld(held, etag)) return reply.header('etag', etag).code(304).send()
  void reply.headers(headers)
  return request.method === 'HEAD' ? reply.send() : reply.send(body)
}

export const answer = (call: DdiCall, value: WireValue): FastifyReply => sendRendered(call, render(call.request, value))
