import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench, refusalIn } from '../../../test/support/people-bench.js'
import { CLASS_ID } from '../../../test/support/trust-fixture.js'
import { sha256, toHex, utf8 } from '../../domain/bytes.js'

const LIMIT = 100_000

describe('firmware', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start({ maxUploadBytes: LIMIT })
    await bench.begin()
    await bench.server.app.listen(0, '127.0.0.1')
  }, 60_000)
  afterAll(() => bench.stop())

  const incoming = (): Promise<string[]> => readdir(join(bench.server.config.storeDir, 'incoming'))
  const statusOf = async (digest: string): Promise<number> =>
    (await bench.call('GET', `/firmware/${digest}`, 'auditor')).status
  /** For senders that do not keep to what they announce. */
  const connectToPut = async (digest: string, announcedBytes: number): Promise<{ socket: Socket; head: string }> => {
    const { port } = bench.server.app.getHttpServer().address() as AddressInfo
    const lines = [
      `PUT ${bench.base}/firmware/${digest} HTTP/1.1`,
      'Host: localhost',
      `Authorization: Bearer ${await bench.token('engineer')}`,
      'Content-Type: application/octet-stream',
      `Content-Length: ${announcedBytes}`,
    ]
    return { socket: connect(port, '127.0.0.1'), head: `${lines.join('\r\n')}\r\n\r\n` }
  }

  it('is new once, and the same bytes again are the same firmware', async () => {
    const image = bench.makeImage()
    const sizeBytes = image.length
    expect(await bench.upload(image)).toMatchObject({ status: 201, body: { sha256: toHex(sha256(image)), sizeBytes } })
    expect(await bench.upload(image)).toMatchObject({ status: 200, body: { sizeBytes } })
    expect(await incoming()).toEqual([])
  })

  it('refuses bytes that are not what their name says, and keeps none of them', async () => {
    const image = bench.makeImage()
    const expected = toHex(sha256(utf8('other')))
    const reply = await bench.upload(image, expected)
    const detail = { what: 'firmware', expected, found: toHex(sha256(image)) }
    expect(refusalIn(reply)).toEqual({ status: 400, code: 'DIGEST_MISMATCH', detail })
    expect(await statusOf(expected)).toBe(404)
    expect(await incoming()).toEqual([])
  })

  it('refuses other bytes also under the name of what is here already', async () => {
    const [image, other] = [bench.makeImage(), bench.makeImage()]
    await bench.upload(image)
    const [expected, found] = [image, other].map((bytes) => toHex(sha256(bytes)))
    expect(refusalIn(await bench.upload(other, expected))).toEqual({
      ...{ status: 400, code: 'DIGEST_MISMATCH' },
      detail: { what: 'firmware', expected, found },
    })
    expect(await incoming()).toEqual([])
  })

  it('replaces what rotted in the store by the same bytes sent again', async () => {
    const image = bench.makeImage()
    const digest = toHex(sha256(image))
    await bench.upload(image)
    const path = join(bench.server.config.storeDir, 'firmware', digest.slice(0, 2), digest)
    await writeFile(
      path,
      Uint8Array.from(image, (byte, at) => (at === 7 ? byte ^ 1 : byte)),
    )
    expect((await bench.upload(image)).status).toBe(200)
    expect(await readFile(path)).toEqual(Buffer.from(image))
  })

  it('takes an image of exactly the limit and refuses one byte more', async () => {
    expect((await bench.upload(new Uint8Array(LIMIT).fill(1))).status).toBe(201)
    const reply = await bench.upload(new Uint8Array(LIMIT + 1).fill(1))
    const detail = { sizeBytes: LIMIT + 1, limitBytes: LIMIT }
    expect(refusalIn(reply)).toEqual({ status: 413, code: 'IMAGE_TOO_LARGE', detail })
  })

  it.each([
    ['another content type', 'text/plain', 'x', 415, 'content-type'],
    ['the content type of other calls', 'application/json', '{}', 400, 'content-type'],
    ['no length', 'application/octet-stream', new Blob(['x']).stream(), 400, 'content-length'],
  ])('refuses an upload with %s', async (_, type, body, status, field) => {
    const headers = { authorization: `Bearer ${await bench.token('engineer')}`, 'content-type': type }
    const path = `${bench.base}/firmware/${toHex(sha256(utf8('x')))}`
    const options = { method: 'PUT', headers, body, duplex: 'half' as const }
    const answer = await fetch(`${await bench.server.app.getUrl()}${path}`, options)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code: 'REQUEST_INVALID', detail: { field } })
  })

  it('refuses a name that is no digest', async () => {
    const reply = await bench.upload(bench.makeImage(), 'AB'.repeat(32))
    const detail = { field: 'sha256', why: 'not 64 lower-case hex digits' }
    expect(refusalIn(reply)).toEqual({ status: 400, code: 'REQUEST_INVALID', detail })
  })

  it('leaves nothing behind when the sender goes away half way', async () => {
    const image = bench.makeImage()
    const digest = toHex(sha256(image))
    const { socket, head } = await connectToPut(digest, image.length)
    socket.write(head)
    socket.write(image.subarray(0, 700))
    await eventually(async () => expect(await incoming()).toHaveLength(1))
    socket.destroy()
    await eventually(async () => expect(await incoming()).toEqual([]))
    expect(await statusOf(digest)).toBe(404)
    // And the same firmware can be uploaded afterwards.
    expect((await bench.upload(image)).status).toBe(201)
  })

  it.each([
    ['fewer bytes than it announced', 700, 'it ended before the length that it announced'],
    ['more bytes than it announced', 3_000, 'not well-formed HTTP, or more bytes than it announced'],
  ])('says what is wrong with an upload of %s', async (_, count, why) => {
    const image = bench.makeImage()
    const digest = toHex(sha256(image))
    const { socket, head } = await connectToPut(digest, 1_000)
    // It waits for the answer, and sends no more.
    socket.end(Buffer.concat([Buffer.from(head), Buffer.alloc(count, 'x')]))
    const answer = await text(socket)
    expect(answer).toContain('HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json')
    const problem: unknown = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))
    expect(problem).toMatchObject({ status: 400, code: 'REQUEST_INVALID', detail: { field: 'request', why } })
    await eventually(async () => expect(await incoming()).toEqual([]))
    expect(await statusOf(digest)).toBe(404)
  })

  it('gives its bytes back, whole or in part', async () => {
    const image = bench.makeImage()
    await bench.upload(image)
    const fetchPart = async (range?: string): Promise<{ status: number; bytes: Buffer; range: unknown }> => {
      const authorization = `Bearer ${await bench.token('approver')}`
      const headers = range === undefined ? { authorization } : { authorization, range }
      const url = `${bench.base}/firmware/${toHex(sha256(image))}/content`
      const answer = await bench.server.app.inject({ method: 'GET', url, headers })
      return { status: answer.statusCode, bytes: answer.rawPayload, range: answer.headers['content-range'] }
    }
    const size = image.length
    expect(await fetchPart()).toEqual({ status: 200, bytes: Buffer.from(image), range: undefined })
    const part = { status: 206, bytes: Buffer.from(image.subarray(10, 20)), range: `bytes 10-19/${size}` }
    expect(await fetchPart('bytes=10-19')).toEqual(part)
    const tail = { status: 206, bytes: Buffer.from(image.subarray(-5)), range: `bytes ${size - 5}-${size - 1}/${size}` }
    expect(await fetchPart('bytes=-5')).toEqual(tail)
    expect(await fetchPart(`bytes=${size}-`)).toMatchObject({ status: 416, range: `bytes */${size}` })
  })

  describe('submissions', () => {
    it('name who signed, by the policy', async () => {
      const image = bench.makeImage()
      await bench.upload(image)
      expect(await bench.submit(image)).toMatchObject({
        status: 201,
        body: { submitter: 'engineer-1', version: '1.4.0' },
      })
      const { body } = await bench.call('GET', `/firmware/${toHex(sha256(image))}`, 'approver')
      expect(body['submissions']).toMatchObject([{ submitter: 'engineer-1' }])
    })

    it.each([
      ['another size', { imageSizeBytes: 1 }, 'imageSizeBytes'],
      ['another image', { imageSha256: new Uint8Array(32) }, 'imageSha256'],
      ['a class that the policy does not list', { classId: new Uint8Array(16) }, 'classId'],
    ])('are refused when they speak of %s', async (_, change, field) => {
      const image = bench.makeImage()
      await bench.upload(image)
      const url = `/firmware/${toHex(sha256(image))}/submissions`
      const about = { imageSha256: sha256(image), imageSizeBytes: image.length, version: '1.0.0', requestId: 'r' }
      const document = await bench.trust.submission('engineer-1', { ...about, classId: CLASS_ID, ...change })
      const reply = await bench.call('POST', url, 'engineer', {
        submission: Buffer.from(document).toString('base64url'),
      })
      expect(refusalIn(reply)).toEqual({ status: 400, code: 'SUBMISSION_MISMATCH', detail: { field } })
    })

    it('are refused from a person who is no engineer', async () => {
      const image = bench.makeImage()
      await bench.upload(image)
      const keyId = bench.trust.person('manager-1').keyIdHex
      const reply = await bench.submit(image, 'manager-1')
      expect(refusalIn(reply)).toEqual({ status: 400, code: 'SUBMITTER_UNKNOWN', detail: { keyId } })
    })

    it('are refused with a version that is none', async () => {
      const image = bench.makeImage()
      await bench.upload(image)
      const reply = await bench.submit(image, 'engineer-1', { version: 'v1' })
      expect(refusalIn(reply)).toEqual({ status: 400, code: 'VERSION_MALFORMED', detail: { version: 'v1' } })
    })

    it('have a request id of their own', async () => {
      const image = bench.makeImage()
      await bench.upload(image)
      await bench.submit(image)
      const reply = await bench.submit(image, 'engineer-2')
      const detail = { what: 'submission', why: 'another one has this request id' }
      expect(refusalIn(reply)).toEqual({ status: 409, code: 'CONFLICT', detail })
    })
  })
})

async function eventually(check: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await check()
      return
    } catch (error) {
      if (attempt === 100) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
