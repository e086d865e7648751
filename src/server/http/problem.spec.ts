import { HttpException } from '@nestjs/common'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { Refusal } from '../../domain/refusal.js'
import { JSON_LIMIT_BYTES, problemOf } from './problem.js'

describe('a problem', () => {
  it.each([
    [new Refusal('KEY_REVOKED', { keyId: 'ab' }), 400, 'KEY_REVOKED', { keyId: 'ab' }],
    [new Refusal('UNAUTHENTICATED', {}), 401, 'UNAUTHENTICATED', {}],
    [new Refusal('FORBIDDEN', { needed: 'auditor' }), 403, 'FORBIDDEN', { needed: 'auditor' }],
    [new Refusal('SIGNER_UNAVAILABLE', { why: 'x' }), 503, 'SIGNER_UNAVAILABLE', { why: 'x' }],
    [new HttpException('x', 404), 404, 'NOT_FOUND', { what: 'resource', id: '' }],
    [new Error('password=hunter2'), 500, 'INTERNAL', {}],
    ['a thrown word', 500, 'INTERNAL', {}],
    [null, 500, 'INTERNAL', {}],
  ])('of %s has its status, code and detail', (error, status, code, detail) => {
    expect(problemOf(error)).toMatchObject({ status, code, detail, type: `urn:countersign:refusal:${code}` })
  })

  it('tells nothing of a bug', () => {
    expect(JSON.stringify(problemOf(new Error('password=hunter2')))).not.toContain('hunter2')
  })
})

describe('requests that are none', () => {
  let bench: PeopleBench
  let authorization = ''
  beforeAll(async () => {
    bench = await PeopleBench.start()
    authorization = `Bearer ${await bench.token('security-officer')}`
  }, 60_000)
  afterAll(() => bench.stop())

  it.each([
    ['malformed JSON', 'application/json', '{', 400, 'REQUEST_INVALID', { field: 'body', why: 'not well-formed JSON' }],
    ['no JSON at all', 'application/json', '', 400, 'REQUEST_INVALID', { field: 'body', why: 'not well-formed JSON' }],
    [
      'another type',
      'text/xml',
      '<a/>',
      415,
      'REQUEST_INVALID',
      { field: 'content-type', why: 'not one this call takes' },
    ],
    [
      'too much',
      'application/json',
      `"${'x'.repeat(JSON_LIMIT_BYTES)}"`,
      413,
      'BODY_TOO_LARGE',
      { limitBytes: JSON_LIMIT_BYTES },
    ],
    [
      'a prototype',
      'application/json',
      '{"__proto__":{"a":1}}',
      400,
      'REQUEST_INVALID',
      { field: 'body', why: 'not well-formed JSON' },
    ],
  ])('are refused: %s', async (_, type, payload, status, code, detail) => {
    const headers = { authorization, 'content-type': type }
    const answer = await bench.server.app.inject({ method: 'POST', url: `${bench.base}/tokens`, headers, payload })
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(answer.json()).toMatchObject({ status, code, detail })
    expect(answer.statusCode).toBe(status)
  })

  it('names the request in the answer and in its header', async () => {
    const answer = await bench.server.app.inject({ url: '/nowhere' })
    expect(answer.json<{ instance: string }>().instance).toBe(`urn:uuid:${String(answer.headers['x-request-id'])}`)
    expect(answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })
})
