import { Server } from '@tus/server'

type Context = Parameters<Server['write']>[0]

/** The tus protocol, whose every "no" is a problem document (RFC 9457) like those of the other calls. */
export class TusProblemServer extends Server {
  override write(context: Context, headers: Headers, status: number, body = ''): ReturnType<Server['write']> {
    if (status < 400) return super.write(context, headers, status, body)
    headers.set('content-type', 'application/problem+json; charset=utf-8')
    return super.write(context, headers, status, isProblem(body) ? body : describe(status, body))
  }
}

const TYPE = 'urn:countersign:refusal:'
const isProblem = (body: string): boolean => body.startsWith(`{"type":"${TYPE}`)

/** What the protocol's own checks say: a header that is missing, malformed or does not fit. */
const describe = (status: number, body: string): string =>
  JSON.stringify({
    type: `${TYPE}REQUEST_INVALID`,
    title: 'request invalid',
    status,
    code: 'REQUEST_INVALID',
    detail: { field: 'tus', why: body.trim() },
  })
