import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { CliBench } from '../../../test/support/cli-bench.js'
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
  bench.courier.on(`PUT /firmware/${digest}`, ({ body }) => ({ sha256: toHex(sha256(body)), sizeBytes: body.length }))
  bench.courier.on(`GET /firmware/${digest}`, () => ({ sha256: digest, sizeBytes: image.length }))
  bench.courier.on(`POST /firmware/${digest}/submissions`, () => ({
    requestId: 'request-1',
    version: '1.4.0',
    classId: '',
  }))
})
afterAll(() => bench.close())

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
    expect(toHex(sha256(bench.courier.calls.find((call) => call.method === 'PUT')?.body ?? image.subarray(1)))).toBe(
      digest,
    )
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

  it('refuses to sign what a server stored under another digest', async () => {
    bench.courier.on(`PUT /firmware/${digest}`, () => ({ sha256: '0'.repeat(64), sizeBytes: image.length }))
    expect((await upload()).errors[0]).toBe('refused: IMAGE_MISMATCH (field=sha256)')
    bench.courier.on(`PUT /firmware/${digest}`, ({ body }) => ({ sha256: digest, sizeBytes: body.length }))
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

  it('passes on what the server refused, and what to do next', async () => {
    bench.courier.refuse(`PUT /firmware/${digest}`, 413, 'BODY_TOO_LARGE', { limitBytes: 10 })
    const { exitCode, errors } = await upload()
    expect(errors).toEqual([
      'refused by the server: BODY_TOO_LARGE (limitBytes=10)',
      'next: correct what is named and repeat this command',
    ])
    expect(exitCode).toBe(1)
  })

  it('says a refusal to a program as one line of JSON', async () => {
    bench.courier.refuse(`GET /firmware/${digest}`, 404, 'NOT_FOUND', { what: 'firmware', id: digest })
    const { exitCode, output, errors } = await bench.run('firmware', 'show', digest, '--json')
    expect([exitCode, output, errors.length]).toEqual([1, [], 1])
    expect(JSON.parse(errors[0] ?? '')).toMatchObject({ code: 'NOT_FOUND', detail: { what: 'firmware', id: digest } })
  })
})
