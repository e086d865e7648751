import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { sendRaw } from '../../../test/support/raw-http.js'
import { makeAdapter } from '../create-app.js'

const LIMIT_MS = 300
const fastify = makeAdapter(undefined, LIMIT_MS).getInstance()
let port = 0
beforeAll(async () => {
  fastify.post('/take', async ({ body }) => body)
  fastify.post('/firmware', async ({ body }) => {
    let sizeBytes = 0
    for await (const chunk of body as AsyncIterable<Buffer>) sizeBytes += chunk.length
    return { sizeBytes }
  })
  fastify.post('/slow', async () => {
    await new Promise((resolve) => setTimeout(resolve, 3 * LIMIT_MS))
    return {}
  })
  await fastify.listen({ host: '127.0.0.1', port: 0 })
  port = (fastify.server.address() as AddressInfo).port
})
afterAll(() => fastify.close())

const post = (path: string, type: string, length: number, ...more: string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: a', `Content-Type: ${type}`, `Content-Length: ${length}`, ...more, '', ''].join(
    '\r\n',
  )
const close = 'Connection: close'

it.each(['application/json', 'application/cbor'])('a body of %s that stops coming ends with 408', async (type) => {
  const [answer] = await sendRaw(port, `${post('/take', type, 50)}{`)
  expect(answer?.status).toBe(408)
  expect(JSON.parse(answer?.body ?? '')).toMatchObject({
    code: 'REQUEST_INVALID',
    detail: { field: 'request', why: 'its body did not come in time' },
  })
})

it('one that drips does as well', async () => {
  const drops = async function* (): AsyncGenerator<string> {
    yield post('/take', 'application/json', 1_000)
    for (;;) {
      yield ' '
      await new Promise((resolve) => setTimeout(resolve, LIMIT_MS / 10))
    }
  }
  const [answer] = await sendRaw(port, drops())
  expect(answer?.status).toBe(408)
})

it('firmware takes its time, and so may an answer', async () => {
  const firmware = async function* (): AsyncGenerator<string> {
    yield `${post('/firmware', 'application/octet-stream', 2, close)}a`
    await new Promise((resolve) => setTimeout(resolve, 3 * LIMIT_MS))
    yield 'b'
  }
  expect((await sendRaw(port, firmware())).map(({ status, body }) => [status, body])).toEqual([
    [200, '{"sizeBytes":2}'],
  ])
  const slow = await sendRaw(port, `${post('/slow', 'application/json', 2, close)}{}`)
  expect(slow.map(({ status }) => status)).toEqual([200])
})
