import type { AddressInfo } from 'node:net'
import { beforeAll, describe, expect, it } from '@jest/globals'
import type { DdiClient } from '../support/ddi-client.js'
import { DdiScene } from '../support/ddi-scene.js'
import type { FleetDevice } from '../support/fleet-device.js'
import { sendRaw, type RawAnswer } from '../support/raw-http.js'

const scene = new DdiScene()
let port = 0
let client: DdiClient
let device: FleetDevice
beforeAll(async () => {
  await scene.fleet.app.listen(0, '127.0.0.1')
  port = (scene.fleet.app.getHttpServer() as { address(): AddressInfo }).address().port
  client = await scene.client()
  const [enrolled] = await scene.fleet.enrolDevices(1)
  if (enrolled === undefined) throw new Error('none')
  device = enrolled
}, 240_000)

const host = 'Host: updates.example'
const close = 'Connection: close'
const FEEDBACK = '{"status":{"execution":"closed","result":{"finished":"success"}}}'
const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`
const poll = (...more: string[]): string =>
  lines(`GET ${client.base} HTTP/1.1`, host, `Authorization: ${client.authorization}`, ...more)
const nativePoll = (...more: string[]): string =>
  lines(
    `GET ${device.base}/${device.id}/update HTTP/1.1`,
    host,
    `Authorization: ${device.authorization}`,
    'Accept: application/cbor',
    ...more,
  )
/** Of an action that there is not: what gets through is answered 404. */
const feedback = (headers: readonly string[], body: string): string =>
  lines(
    `POST ${client.base}/deploymentBase/1/feedback HTTP/1.1`,
    host,
    `Authorization: ${client.authorization}`,
    'Content-Type: application/json',
    ...headers,
  ) + body
const hex = FEEDBACK.length.toString(16)
const smuggled = lines(`GET /health HTTP/1.1`, host, close)

/** Whatever is refused says why, in one of the two forms that there are; 401 of DDI says nothing. */
function codeIn({ status, headers, body }: RawAnswer): string {
  if (status < 400 || body === '') return ''
  const { code, errorCode } = JSON.parse(body) as { code?: string; errorCode?: string }
  const type = headers.get('content-type') ?? ''
  const isProblem = type.startsWith('application/problem+json') && headers.get('content-length') !== undefined
  return (isProblem ? code : errorCode) ?? `no code in ${body}`
}
const answered = async (bytes: string): Promise<string[]> =>
  (await sendRaw(port, bytes)).map((answer) => `${answer.status} ${codeIn(answer)}`.trim())

describe('where a request ends is never open to doubt', () => {
  it.each<[string, readonly string[], string]>([
    ['a length and chunks', [`Content-Length: ${FEEDBACK.length}`, 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
    ['two lengths', [`Content-Length: ${FEEDBACK.length}`, 'Content-Length: 1'], FEEDBACK],
    ['one length twice', [`Content-Length: ${FEEDBACK.length}`, `Content-Length: ${FEEDBACK.length}`], FEEDBACK],
    ['a list of lengths', [`Content-Length: ${FEEDBACK.length}, ${FEEDBACK.length}`], FEEDBACK],
    ['a length with a sign', [`Content-Length: +${FEEDBACK.length}`], FEEDBACK],
    ['a length beyond all numbers', [`Content-Length: ${'9'.repeat(30)}`], FEEDBACK],
    ['an encoding without chunks', ['Transfer-Encoding: gzip'], FEEDBACK],
    ['an encoding that is none', ['Transfer-Encoding: xchunked'], `${hex}\r\n${FEEDBACK}\r\n0\r\n\r\n`],
    [
      'chunks twice',
      ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
      `${hex}\r\n${FEEDBACK}\r\n0\r\n\r\n`,
    ],
    ['a space before the colon', ['Transfer-Encoding : chunked'], `${hex}\r\n${FEEDBACK}\r\n0\r\n\r\n`],
    ['a chunk with 0x', ['Transfer-Encoding: chunked'], `0x${hex}\r\n${FEEDBACK}\r\n0\r\n\r\n`],
    ['a chunk beyond all numbers', ['Transfer-Encoding: chunked'], `${'F'.repeat(17)}\r\n${FEEDBACK}\r\n0\r\n\r\n`],
    ['a chunk longer than it says', ['Transfer-Encoding: chunked'], `${hex}\r\n${FEEDBACK}xx\r\n0\r\n\r\n`],
    ['chunks between bare line feeds', ['Transfer-Encoding: chunked'], `${hex}\n${FEEDBACK}\n0\n\n`],
    ['a header over two lines', ['X-Long: a', ' b', `Content-Length: ${FEEDBACK.length}`], FEEDBACK],
    ['a NUL in a header', ['X-Nul: a\0b', `Content-Length: ${FEEDBACK.length}`], FEEDBACK],
  ])('%s: refused, and what follows on the connection is not read', async (_, headers, body) => {
    expect(await answered(feedback(headers, body) + smuggled)).toEqual(['400 REQUEST_INVALID'])
  })

  it('what is well-formed gets through, however it is wrapped', async () => {
    const known = ['404 NOT_FOUND']
    expect(await answered(feedback([close, `Content-Length: ${FEEDBACK.length}`], FEEDBACK))).toEqual(known)
    const chunked = `${hex};name=value\r\n${FEEDBACK}\r\n0\r\nAuthorization: none\r\n\r\n`
    expect(await answered(feedback([close, 'Transfer-Encoding: chunked'], chunked))).toEqual(known)
    const awaited = [close, 'Expect: 100-continue', `Content-Length: ${FEEDBACK.length}`]
    expect(await answered(feedback(awaited, FEEDBACK))).toEqual(known)
  })

  it('the body of a poll is no request, kept answer or not', async () => {
    const body = lines(`GET ${client.base}/deploymentBase/1 HTTP/1.1`, host)
    for (const [ask, rest] of [[nativePoll, nativePoll(close)] as const, [poll, poll(close)] as const])
      for (const framed of [
        `${ask(`Content-Length: ${body.length}`)}${body}`,
        `${ask('Transfer-Encoding: chunked')}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      ])
        // The first is answered the long way, the second from what was kept.
        expect(await answered(framed + framed + rest)).toEqual(['200', '200', '200'])
  })
})

describe('who asks, and whom, is said once', () => {
  const ask = (...headers: string[]): string => lines(`GET ${client.base} HTTP/1.1`, ...headers, close)
  const own = (): string => `Authorization: ${client.authorization}`

  it('two hosts are refused (RFC 9112 §3.2), for a poll whose answer is kept as well', async () => {
    expect(await answered(ask(host, own()))).toEqual(['200'])
    for (const other of ['evil.example', 'updates.example'])
      expect(await answered(ask(host, `Host: ${other}`, own()))).toEqual(['400 REQUEST_INVALID'])
    const native = nativePoll(close)
    expect(await answered(native)).toEqual(['200'])
    expect(await answered(native.replace(host, `${host}\r\nHost: evil.example`))).toEqual(['400 REQUEST_INVALID'])
  })

  it('two secrets are none, in whichever order', async () => {
    const wrong = 'Authorization: TargetToken wrong'
    expect(await answered(ask(host, wrong, own()))).toEqual(['401'])
    expect(await answered(ask(host, own(), wrong))).toEqual(['401'])
    expect(await answered(ask(host, own(), own()))).toEqual(['401'])
    expect(await answered(nativePoll(close, 'Authorization: Device csd_wrong'))).toEqual(['401 UNAUTHENTICATED'])
  })

  it('a secret that stands behind more headers than are read was not shown', async () => {
    expect(await answered(ask(host, ...Array.from({ length: 2_500 }, () => 'A:b'), own()))).toEqual(['401'])
  })
})

describe('an address', () => {
  const ask = (path: string): Promise<string[]> =>
    answered(lines(`GET ${path} HTTP/1.1`, host, `Authorization: ${client.authorization}`, close))

  it('may be encoded without need, and names the same client', async () => {
    const encoded = client.base.replace('device', '%64evice').replace('.', '%2E')
    expect([await ask(encoded), await ask(`${client.base}/`)]).toEqual([['200'], ['200']])
  })

  it.each([
    ['a step back', (base: string) => `/x/..${base}`, '404 NOT_FOUND'],
    ['an encoded step back', (base: string) => `/x/%2e%2e${base}`, '404 NOT_FOUND'],
    ['an encoded slash', (base: string) => base.replace('/controller', '%2Fcontroller'), '404 NOT_FOUND'],
    ['two slashes', (base: string) => `/${base}`, '404 NOT_FOUND'],
    ['a NUL', (base: string) => `${base}%00`, '400 REQUEST_INVALID'],
    ['a percent sign by itself', (base: string) => `${base}%zz`, '400 REQUEST_INVALID'],
    ['bytes that are no UTF-8', (base: string) => `${base}%ff%fe`, '400 REQUEST_INVALID'],
    ['bytes that are no ASCII', (base: string) => `${base}\xff`, '400 REQUEST_INVALID'],
    ['a space', (base: string) => `${base} x`, '400 REQUEST_INVALID'],
    ['a part that is too long', (base: string) => `${base}${'x'.repeat(5_000)}`, '414 REQUEST_INVALID'],
    ['more than is read', (base: string) => `${base}?${'x'.repeat(20_000)}`, '431 REQUEST_INVALID'],
    ['a name of the language', () => '/__proto__/controller/v1/constructor', '401'],
  ])('with %s is refused', async (_, change, status) => {
    expect(await ask(change(client.base))).toEqual([status])
  })

  it.each(['TRACE', 'PROPFIND', 'DELETE', 'BREW', 'get'])('is not for %s', async (method) => {
    const [status] = await answered(poll(close).replace('GET', method))
    expect(['400 REQUEST_INVALID', '404 NOT_FOUND', '405 METHOD_NOT_ALLOWED']).toContain(status)
  })
})

it.each([
  ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['that of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['lines without a carriage return', `GET / HTTP/1.1\n${host}\n\n`],
])('%s is told that it is no request', async (_, bytes) => {
  expect(await answered(bytes)).toEqual(['400 REQUEST_INVALID'])
})
