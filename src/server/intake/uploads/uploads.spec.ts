import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Upload } from 'tus-js-client'
import { eventually } from '../../../../test/support/eventually.js'
import { PeopleBench } from '../../../../test/support/people-bench.js'
import { ServerUnderTest } from '../../../../test/support/server-app.js'
import { sha256, toHex } from '../../../domain/bytes.js'
import { StoreSweep } from '../store-sweep.service.js'

const LIMIT = 40_000_000

describe('resumable uploads', () => {
  let bench: PeopleBench
  let origin = ''
  beforeAll(async () => {
    bench = await PeopleBench.start({ maxUploadBytes: LIMIT })
    await bench.server.app.listen(0, '127.0.0.1')
    origin = await bench.server.app.getUrl()
  }, 60_000)
  afterAll(() => bench.stop())

  const incoming = (): Promise<string[]> => readdir(join(bench.server.config.storeDir, 'incoming'))
  const metadata = (digest: string): string => `sha256 ${Buffer.from(digest).toString('base64')}`
  const call = async (
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: Uint8Array,
    token = bench.token('engineer', 'engineer-1'),
    server = origin,
  ): Promise<{ status: number; headers: Headers; problem: Record<string, unknown> }> => {
    const authorization = `Bearer ${await token}`
    const all = { authorization, 'tus-resumable': '1.0.0', ...headers }
    const url = path.startsWith('/api') ? path : `${bench.base}${path}`
    const answer = await fetch(`${server}${url}`, { method, headers: all, ...(body === undefined ? {} : { body }) })
    const text = await answer.text()
    const isProblem = text !== '' && answer.headers.get('content-type')?.startsWith('application/problem+json') === true
    return {
      status: answer.status,
      headers: answer.headers,
      problem: isProblem ? (JSON.parse(text) as Record<string, unknown>) : {},
    }
  }
  const begin = async (image: Uint8Array, digest = toHex(sha256(image)), person = 'engineer-1'): Promise<string> => {
    const headers = { 'upload-length': String(image.length), 'upload-metadata': metadata(digest) }
    const answer = await call('POST', '/uploads', headers, undefined, bench.token('engineer', person))
    expect(answer.status).toBe(201)
    return answer.headers.get('location') ?? ''
  }
  const send = (path: string, at: number, piece: Uint8Array, server = origin): ReturnType<typeof call> => {
    const headers = { 'upload-offset': String(at), 'content-type': 'application/offset+octet-stream' }
    return call('PATCH', path, headers, piece, undefined, server)
  }
  const offsetOf = async (path: string, server = origin): Promise<number> =>
    Number((await call('HEAD', path, {}, undefined, undefined, server)).headers.get('upload-offset'))
  const statusOf = async (image: Uint8Array): Promise<number> =>
    (await bench.call('GET', `/firmware/${toHex(sha256(image))}`, 'auditor')).status
  /** A piece of which less arrives than was announced. */
  const sendAndCut = async (path: string, at: number, piece: Uint8Array, announced: number): Promise<Socket> => {
    const { port } = bench.server.app.getHttpServer().address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    // The server may end it by a reset.
    socket.on('error', () => undefined)
    const lines = [
      `PATCH ${path} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${await bench.token('engineer', 'engineer-1')}`,
      'Tus-Resumable: 1.0.0',
      'Content-Type: application/offset+octet-stream',
      `Upload-Offset: ${at}`,
      `Content-Length: ${announced}`,
    ]
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    await new Promise((resolve) => socket.write(piece, resolve))
    return socket
  }

  it('become firmware with their last byte, and not before', async () => {
    const image = randomBytes(300_000)
    const path = await begin(image)
    expect(await send(path, 0, image.subarray(0, 100_000))).toMatchObject({ status: 204 })
    expect(await offsetOf(path)).toBe(100_000)
    expect(await statusOf(image)).toBe(404)
    const { items } = (await bench.call('GET', '/uploads', 'engineer', undefined, 'engineer-1')).body
    expect(items).toMatchObject([{ sha256: toHex(sha256(image)), sizeBytes: 300_000, receivedBytes: 100_000 }])
    expect(await send(path, 100_000, image.subarray(100_000))).toMatchObject({ status: 204 })
    expect(await statusOf(image)).toBe(200)
    expect((await call('HEAD', path)).status).toBe(404)
    expect(await incoming()).toEqual([])
  })

  it('go on after the connection was cut', async () => {
    const image = randomBytes(1_000_000)
    const path = await begin(image)
    const socket = await sendAndCut(path, 0, image.subarray(0, 400_000), image.length)
    await eventually(async () => expect(await incoming()).toHaveLength(1))
    socket.destroy()
    await eventually(async () => expect(await offsetOf(path)).toBeGreaterThan(0))
    const at = await offsetOf(path)
    expect(await send(path, at, image.subarray(at))).toMatchObject({ status: 204 })
    expect(await statusOf(image)).toBe(200)
  })

  it('are taken over from a connection that nobody noticed to be dead', async () => {
    const image = randomBytes(500_000)
    const path = await begin(image)
    const dead = await sendAndCut(path, 0, image.subarray(0, 200_000), image.length)
    await eventually(async () => expect(await incoming()).toHaveLength(1))
    // It stays open and says nothing more. Whoever comes next gets the upload all the same.
    const at = await offsetOf(path)
    expect(at).toBeGreaterThan(0)
    expect(await send(path, at, image.subarray(at))).toMatchObject({ status: 204 })
    expect(await statusOf(image)).toBe(200)
    dead.destroy()
  }, 60_000)

  it('are taken over by another server with the same database and store', async () => {
    const { databaseUrl, namespaces, storeDir } = bench.server.config
    const other = await ServerUnderTest.start({
      ...{ databaseUrl, namespaces, maxUploadBytes: LIMIT },
      config: { storeDir, instanceId: 'other' },
    })
    try {
      await other.app.listen(0, '127.0.0.1')
      const image = randomBytes(500_000)
      const path = await begin(image)
      const dead = await sendAndCut(path, 0, image.subarray(0, 200_000), image.length)
      await eventually(async () => expect((await incoming()).length).toBeGreaterThan(0))
      const there = await other.app.getUrl()
      const at = await offsetOf(path, there)
      expect(at).toBeGreaterThan(0)
      expect(await send(path, at, image.subarray(at), there)).toMatchObject({ status: 204 })
      expect(await statusOf(image)).toBe(200)
      // Whatever still comes on the old connection is too late.
      dead.destroy()
      expect(await incoming()).toEqual([])
    } finally {
      await other.stop()
    }
  }, 60_000)

  it('are spoken by a client that is not ours', async () => {
    const image = randomBytes(2_500_000)
    const token = await bench.token('ci')
    await new Promise<void>((resolve, reject) => {
      const upload = new Upload(image, {
        endpoint: `${origin}${bench.base}/uploads`,
        headers: { authorization: `Bearer ${token}` },
        chunkSize: 1_000_000,
        metadata: { sha256: toHex(sha256(image)), filename: '../../etc/passwd' },
        onError: reject,
        onSuccess: () => resolve(),
      })
      upload.start()
    })
    expect(await statusOf(image)).toBe(200)
    expect(await incoming()).toEqual([])
  }, 60_000)

  it('come eight at a time and lose nothing', async () => {
    const images = Array.from({ length: 8 }, () => randomBytes(4_000_000))
    const sent = images.map(async (image) => {
      const path = await begin(image)
      for (let at = 0; at < image.length; at += 1_300_000)
        expect((await send(path, at, image.subarray(at, at + 1_300_000))).status).toBe(204)
    })
    await Promise.all(sent)
    for (const image of images) {
      const url = `${origin}${bench.base}/firmware/${toHex(sha256(image))}/content`
      const headers = { authorization: `Bearer ${await bench.token('approver')}` }
      const bytes = new Uint8Array(await (await fetch(url, { headers })).arrayBuffer())
      expect(toHex(sha256(bytes))).toBe(toHex(sha256(image)))
    }
  }, 120_000)

  it('of the same bytes at the same time become one firmware', async () => {
    const image = randomBytes(200_000)
    const paths = await Promise.all([begin(image), begin(image), begin(image)])
    const replies = await Promise.all(paths.map((path) => send(path, 0, image)))
    expect(replies.map((reply) => reply.status)).toEqual([204, 204, 204])
    const { body } = await bench.call('GET', '/audit?limit=1000', 'auditor')
    const events = (body['items'] as { event: string; detail: { sha256?: string } }[]).filter(
      (each) => each.event === 'firmware.uploaded' && each.detail.sha256 === toHex(sha256(image)),
    )
    expect(events).toHaveLength(1)
    expect(await incoming()).toEqual([])
  })

  it('that are not what they said are refused with their last byte, and nothing is kept', async () => {
    const image = randomBytes(50_000)
    const expected = '00'.repeat(32)
    const path = await begin(image, expected)
    const { status, problem } = await send(path, 0, image)
    const detail = { what: 'firmware', expected, found: toHex(sha256(image)) }
    expect({ status, code: problem['code'], detail: problem['detail'] }).toEqual({
      status: 400,
      code: 'DIGEST_MISMATCH',
      detail,
    })
    expect((await call('HEAD', path)).status).toBe(404)
    expect(await incoming()).toEqual([])
  })

  it.each([
    ['without a length', { 'upload-metadata': metadata('ab'.repeat(32)) }, 400, 'REQUEST_INVALID'],
    ['of no bytes', { 'upload-length': '0', 'upload-metadata': metadata('ab'.repeat(32)) }, 400, 'REQUEST_INVALID'],
    ['without a digest', { 'upload-length': '5' }, 400, 'REQUEST_INVALID'],
    ['with a digest that is none', { 'upload-length': '5', 'upload-metadata': metadata('xy') }, 400, 'REQUEST_INVALID'],
    ['with metadata that is none', { 'upload-length': '5', 'upload-metadata': '!' }, 400, 'REQUEST_INVALID'],
    [
      'above the limit',
      { 'upload-length': String(LIMIT + 1), 'upload-metadata': metadata('ab'.repeat(32)) },
      413,
      'IMAGE_TOO_LARGE',
    ],
    ['of another version of the protocol', { 'tus-resumable': '0.2.0', 'upload-length': '5' }, 400, 'REQUEST_INVALID'],
  ])('are not begun %s', async (_, headers, status, code) => {
    const answer = await call('POST', '/uploads', headers)
    expect({ status: answer.status, code: answer.problem['code'] }).toEqual({ status, code })
    expect(answer.headers.get('location')).toBeNull()
  })

  it('refuse a piece that does not fit, and keep what they have', async () => {
    const image = randomBytes(1_000)
    const path = await begin(image)
    await send(path, 0, image.subarray(0, 400))
    expect(await send(path, 300, image.subarray(300))).toMatchObject({
      status: 409,
      problem: { code: 'REQUEST_INVALID' },
    })
    const long = await send(path, 400, randomBytes(601))
    expect(long).toMatchObject({ status: 413, problem: { code: 'REQUEST_INVALID' } })
    expect(await offsetOf(path)).toBe(400)
    expect(await call('DELETE', path)).toMatchObject({ status: 204 })
    expect(await incoming()).toEqual([])
  })

  it('belong to whoever began them', async () => {
    const path = await begin(randomBytes(10))
    for (const token of [bench.token('engineer', 'engineer-2'), bench.token('ci')])
      expect(await call('HEAD', path, {}, undefined, token)).toMatchObject({ status: 404 })
    const foreign = await bench.server.token(['engineer'], 'engineer-1', 'gateway/other')
    expect(await call('HEAD', path, {}, undefined, Promise.resolve(foreign))).toMatchObject({ status: 404 })
    // A person goes on with another token.
    const again = await bench.server.token(['engineer'], 'engineer-1', bench.trust.namespace)
    expect(await call('DELETE', path, {}, undefined, Promise.resolve(again))).toMatchObject({ status: 204 })
  })

  it.each(['../../x', '%2e%2e%2fx', 'x', '00000000-0000-0000-0000-000000000000'])('have no name %s', async (name) => {
    const answer = await call('HEAD', `/uploads/${name}`)
    expect(answer.status).toBe(404)
  })

  it('become firmware when somebody asks for one whose last step failed', async () => {
    const image = randomBytes(100_000)
    const digest = toHex(sha256(image))
    const path = await begin(image)
    const folder = join(bench.server.config.storeDir, 'firmware', digest.slice(0, 2))
    const blocked = `${folder}.away`
    await mkdir(folder, { recursive: true })
    await rename(folder, blocked)
    await writeFile(folder, 'no folder')
    expect(await send(path, 0, image)).toMatchObject({ status: 503, problem: { code: 'STORE_UNAVAILABLE' } })
    // Whoever heard that all of it is here would go away in the belief that it is firmware.
    expect(await call('HEAD', path)).toMatchObject({ status: 503 })
    await rm(folder)
    await rename(blocked, folder)
    expect(await offsetOf(path)).toBe(image.length)
    expect(await statusOf(image)).toBe(200)
    expect((await call('HEAD', path)).status).toBe(404)
  })

  it('are swept away when their time is over, bytes and all', async () => {
    const image = randomBytes(9_000)
    const path = await begin(image)
    await send(path, 0, image.subarray(0, 5_000))
    const sweep = bench.server.app.get(StoreSweep)
    await sweep.sweep()
    expect(await offsetOf(path)).toBe(5_000)
    await bench.server.database.query('UPDATE upload SET expires_at = 1')
    await sweep.sweep()
    expect((await call('HEAD', path)).status).toBe(404)
    expect(await incoming()).toEqual([])
  })
})
