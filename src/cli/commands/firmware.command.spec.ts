import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { CliBench } from '../../../test/support/cli-bench.js'
import { CourierAnswer } from '../../../test/support/courier-server.js'
import { CLASS_ID } from '../../../test/support/trust-fixture.js'
import { sha256, toHex } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { openSubmission } from '../../domain/trust/check-submission.js'

const image = new Uint8Array(700_000).fill(6)
const digest = toHex(sha256(image))
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
  writeFileSync(bench.path('image.bin'), image)
  tusServer()
  bench.courier.on('GET /embedded-keys', () => ({ items: [], next: null }))
  bench.courier.on(`POST /firmware/${digest}/submissions`, () => ({
    requestId: 'request-1',
    version: '1.4.0',
    classId: '',
  }))
})
afterAll(() => bench.close())

const UPLOAD = '/uploads/00000000-0000-4000-8000-000000000001'
/** What a server has of the image, and what it does with the next piece. */
let received: Uint8Array = new Uint8Array(0)
let isOpen = false
let nextPiece: (piece: Uint8Array) => unknown

/** As the server: an upload is announced, grows, and is firmware with its last byte. */
function tusServer(said: { sha256: string; sizeBytes: number } = { sha256: digest, sizeBytes: image.length }): void {
  received = new Uint8Array(0)
  isOpen = false
  const { courier } = bench
  const take = (piece: Uint8Array): CourierAnswer => {
    received = new Uint8Array(Buffer.concat([received, piece]))
    isOpen = received.length < image.length
    return new CourierAnswer(204, { 'upload-offset': String(received.length) })
  }
  nextPiece = take
  const open = { id: UPLOAD.slice(9), sizeBytes: image.length }
  courier.on('GET /uploads', () => ({ items: isOpen ? [{ ...open, receivedBytes: received.length }] : [], next: null }))
  courier.on('POST /uploads', () => {
    received = new Uint8Array(0)
    isOpen = true
    return new CourierAnswer(201, { location: `/api/v1/gateway/prod${UPLOAD}` })
  })
  courier.on(`HEAD ${UPLOAD}`, () =>
    isOpen ? new CourierAnswer(200, { 'upload-offset': String(received.length) }) : new CourierAnswer(404),
  )
  courier.on(`PATCH ${UPLOAD}`, ({ body }) => {
    const answer = nextPiece(body)
    nextPiece = take
    return answer
  })
  const isWhole = (): boolean => received.length === image.length
  courier.on(`GET /firmware/${digest}`, () => (isWhole() ? said : new CourierAnswer(404)))
  courier.on(`POST /firmware/${digest}/inspection`, () => said)
}
const pieces = () => bench.courier.calls.filter((call) => call.method === 'PATCH')

const wanted = ['--version', '1.4.0', '--class', 'gateway/rev-b/prod']
const upload = (person = 'engineer-1', ...words: string[]) =>
  bench.run(
    'firmware',
    'upload',
    bench.path('image.bin'),
    ...(words.length > 0 ? words : wanted),
    ...bench.keyOf(person),
  )

describe('firmware', () => {
  it('uploads the bytes and signs what they are', async () => {
    expect(await upload()).toMatchObject({ exitCode: 0, errors: [] })
    expect(toHex(sha256(received))).toBe(digest)
    const announced = bench.courier.calls.find((call) => call.method === 'POST' && call.path === '/uploads')
    expect(announced?.headers).toMatchObject({
      'tus-resumable': '1.0.0',
      'upload-length': String(image.length),
      'upload-metadata': `sha256 ${Buffer.from(digest).toString('base64')}`,
    })
    const [body] = bench.courier.posted(`/firmware/${digest}/submissions`)
    const { policy, now, root } = bench.trust
    const { submission, requester } = openSubmission(
      new Uint8Array(Buffer.from(body?.['submission'] ?? '', 'base64url')),
      { policy, allowed: root.algorithms, revoked: new Map(), now, algorithms: nativeAlgorithms },
    )
    expect(requester.name).toBe('engineer-1')
    expect(submission).toMatchObject({ imageSizeBytes: image.length, version: '1.4.0', requestId: 'request-1' })
    expect([toHex(submission.imageSha256), toHex(submission.classId)]).toEqual([digest, toHex(CLASS_ID)])
  })

  it('goes on where the server was when the connection broke, and does not send twice what is there', async () => {
    tusServer()
    nextPiece = (piece) => {
      received = piece.slice(0, 300_000)
      return new CourierAnswer(503)
    }
    const before = pieces().length
    const { exitCode, output } = await upload()
    expect(exitCode).toBe(0)
    expect(output).toContain('going on at 300,000 bytes of 700,000 bytes')
    expect(
      pieces()
        .slice(before)
        .map((call) => call.headers['upload-offset']),
    ).toEqual(['0', '300000'])
    expect(toHex(sha256(received))).toBe(digest)
  })

  it('looks again when its upload is gone, and sends nothing when the bytes are there', async () => {
    tusServer()
    nextPiece = (piece) => {
      received = piece
      isOpen = false
      return new CourierAnswer(404)
    }
    expect((await upload()).exitCode).toBe(0)
    const before = bench.courier.calls.length
    expect((await upload()).output).toContain('the server has these bytes already')
    expect(bench.courier.calls.slice(before).some((call) => call.path.startsWith('/uploads'))).toBe(false)
  })

  it.each([
    ['STORE_CORRUPT', 500],
    ['IMAGE_UNKNOWN', 404],
  ])('has the server read what it has, and sends it again where that is broken: %s', async (code, status) => {
    tusServer()
    await upload()
    bench.courier.refuse(`POST /firmware/${digest}/inspection`, status, code, { sha256: digest })
    const before = pieces().length
    const { exitCode, output } = await upload()
    expect(output).toContain(`what the server has under this digest is broken (${code}): sending it again`)
    expect([exitCode, pieces().length - before]).toEqual([0, 1])
    tusServer()
    await upload()
  })

  it('sends nothing and signs nothing while the server cannot look', async () => {
    tusServer()
    await upload()
    const calls = bench.courier.calls.length
    bench.courier.refuse(`POST /firmware/${digest}/inspection`, 503, 'STORE_UNAVAILABLE', { why: 'the disk fails' })
    expect((await upload()).errors[0]).toContain('refused by the server: STORE_UNAVAILABLE (')
    expect(bench.courier.calls.slice(calls).map(({ path }) => path)).not.toContain(`/firmware/${digest}/submissions`)
    tusServer()
    await upload()
  })

  it('is content when the server makes firmware of what was there whole', async () => {
    tusServer()
    received = image
    isOpen = true
    const said = { sha256: digest, sizeBytes: image.length }
    bench.courier.on(`GET /firmware/${digest}`, () => (isOpen ? new CourierAnswer(404) : said))
    const before = pieces().length
    bench.courier.on(`HEAD ${UPLOAD}`, () => {
      isOpen = false
      return new CourierAnswer(200, { 'upload-offset': String(received.length) })
    })
    expect((await upload()).exitCode).toBe(0)
    expect(pieces()).toHaveLength(before)
  })

  it('gives up after a while, and says that the same command goes on', async () => {
    tusServer()
    bench.courier.refuse(`PATCH ${UPLOAD}`, 503, 'STORE_UNAVAILABLE', { why: 'the disk fails' })
    const before = pieces().length
    const { exitCode, errors } = await upload()
    expect(errors).toEqual([
      'refused: UPLOAD_INTERRUPTED (receivedBytes=0)',
      'next: repeat this command when the server is there again: it goes on where it was',
    ])
    expect([exitCode, pieces().length - before]).toEqual([1, 13])
  })

  it.each([
    [507, 'STORE_FULL', {}],
    [400, 'DIGEST_MISMATCH', { what: 'firmware', expected: 'a', found: 'b' }],
    [413, 'IMAGE_TOO_LARGE', { sizeBytes: 2, limitBytes: 1 }],
    [401, 'UNAUTHENTICATED', {}],
  ])('does not go on after a no that waiting does not change: %i', async (status, code, detail) => {
    tusServer()
    bench.courier.refuse(`PATCH ${UPLOAD}`, status, code, detail)
    const before = pieces().length
    const { exitCode, errors } = await upload()
    expect(errors[0]).toContain(`refused by the server: ${code} (`)
    expect([exitCode, pieces().length - before]).toEqual([1, 1])
  })

  it('refuses to sign what a server stored under another digest', async () => {
    tusServer({ sha256: '0'.repeat(64), sizeBytes: image.length })
    expect((await upload()).errors[0]).toBe('refused: IMAGE_MISMATCH (field=sha256)')
    tusServer()
    await upload()
  })

  it('submits what is there only after hashing it again', async () => {
    const submit = () => bench.run('firmware', 'submit', digest, ...wanted, ...bench.keyOf('engineer-1'))
    bench.courier.on(`GET /firmware/${digest}/content`, () => image)
    expect(await submit()).toMatchObject({ exitCode: 0 })
    const before = bench.courier.posted(`/firmware/${digest}/submissions`).length
    bench.courier.on(`GET /firmware/${digest}/content`, () => image.map((byte, index) => (index === 9 ? 7 : byte)))
    expect((await submit()).errors[0]).toBe('refused: IMAGE_MISMATCH (field=sha256)')
    expect(bench.courier.posted(`/firmware/${digest}/submissions`)).toHaveLength(before)
  })

  it.each([
    [
      'a class that the policy does not list',
      'engineer-1',
      ['--version', '1.4.0', '--class', 'gateway/rev-c/prod'],
      'WRONG_CLASS',
    ],
    [
      'a version that is none',
      'engineer-1',
      ['--version', '1.4', '--class', 'gateway/rev-b/prod'],
      'VERSION_MALFORMED',
    ],
    ['a person who is no engineer', 'manager-1', wanted, 'SUBMITTER_UNKNOWN'],
  ])('refuses %s before anything is sent', async (_, person, words, code) => {
    const before = bench.courier.posted(`/firmware/${digest}/submissions`).length
    const { exitCode, errors } = await upload(person, ...words)
    expect(errors[0]).toContain(`refused: ${code} (`)
    expect(exitCode).toBe(1)
    expect(bench.courier.posted(`/firmware/${digest}/submissions`)).toHaveLength(before)
  })

  it('lists when firmware came, by whom, and what is there no more', async () => {
    const row = { sha256: digest, sizeBytes: 10, uploadedAt: 1_800_000_000, uploadedBy: 'ci-1' }
    bench.courier.on('GET /firmware', () => ({
      items: [
        { ...row, prunedAt: null },
        { ...row, prunedAt: 1_800_000_060 },
      ],
      next: null,
    }))
    const line = `${digest}  10 bytes, uploaded 2027-01-15T08:00:00Z by ci-1`
    expect(await bench.must('firmware', 'list')).toEqual([
      line,
      `${line}, its bytes were given up 2027-01-15T08:01:00Z`,
    ])
  })

  it('shows what would go before it goes, and asks', async () => {
    const items = [{ sha256: digest, sizeBytes: 10 }]
    bench.courier.on('POST /firmware/prune', () => ({ isDryRun: true, items }))
    const prune = (...words: string[]) => bench.run('firmware', 'prune', '--unused-days', '90', ...words)
    expect(await prune('--dry-run')).toMatchObject({
      exitCode: 0,
      output: [`${digest}  10 bytes`, '1 firmware, 10 bytes'],
    })
    expect(await prune()).toMatchObject({
      exitCode: 1,
      errors: [expect.stringContaining('NOT_CONFIRMED'), expect.anything()],
    })
    const asked = () => bench.courier.posted('/firmware/prune').map((body) => [body['unusedDays'], body['isDryRun']])
    expect(asked()).toEqual([
      [90, true],
      [90, true],
    ])
    expect(await prune('--yes')).toMatchObject({ exitCode: 0 })
    expect(asked().slice(2)).toEqual([
      [90, true],
      [90, false],
    ])
  })

  it('says a refusal to a program as one line of JSON', async () => {
    bench.courier.refuse(`GET /firmware/${digest}`, 404, 'NOT_FOUND', { what: 'firmware', id: digest })
    const { exitCode, output, errors } = await bench.run('firmware', 'show', digest, '--json')
    expect([exitCode, output, errors.length]).toEqual([1, [], 1])
    expect(JSON.parse(errors[0] ?? '')).toMatchObject({ code: 'NOT_FOUND', detail: { what: 'firmware', id: digest } })
  })
})
