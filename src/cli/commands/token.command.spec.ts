import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'
import { CourierAnswer } from '../../../test/support/courier-server.js'
import { timeText } from '../quantity-text.js'

const id = '00000000-0000-4000-8000-000000000001'
let bench: CliBench
let isRevoked = false
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
  bench.courier.on('POST /tokens', () => ({ id, token: 'cst_secret' }))
  bench.courier.on(`DELETE /tokens/${id}`, () => {
    isRevoked = true
    return new CourierAnswer(204)
  })
})
afterAll(() => bench.close())

const create = (file: string) =>
  bench.run('token', 'create', '--label', 'ci-1', '--role', 'ci', '--expires', '30', '--out', bench.path(file))

describe('token create', () => {
  it('writes a token to a file, and shows it nowhere', async () => {
    const { exitCode, output, errors } = await create('ci.token')
    expect([exitCode, readFileSync(bench.path('ci.token'), 'utf8')]).toEqual([0, 'cst_secret\n'])
    expect([...output, ...errors].join('\n')).not.toContain('secret')
    const expires = bench.trust.now + 30 * 86_400
    expect(bench.courier.posted('/tokens').at(-1)).toEqual({ label: 'ci-1', roles: ['ci'], expires })
    expect(isRevoked).toBe(false)
  })

  it.each([
    ['taken', 'FILE_EXISTS'],
    ['taken/below', 'FILE_UNREADABLE'],
  ])('makes none for a file that cannot be written: %s', async (file, code) => {
    writeFileSync(bench.path('taken'), 'mine')
    const made = bench.courier.posted('/tokens').length
    expect((await create(file)).errors[0]).toContain(`refused: ${code} (`)
    expect(readFileSync(bench.path('taken'), 'utf8')).toBe('mine')
    expect(bench.courier.posted('/tokens')).toHaveLength(made)
  })

  it('takes back a token that could not be written in the end', async () => {
    bench.courier.on('POST /tokens', () => {
      writeFileSync(bench.path('overtaken'), 'mine')
      return { id, token: 'cst_secret' }
    })
    expect((await create('overtaken')).errors[0]).toContain('refused: FILE_EXISTS (')
    expect([readFileSync(bench.path('overtaken'), 'utf8'), isRevoked]).toEqual(['mine', true])
  })
})

it('token list says what each may do, until when, and whose it is', async () => {
  const { now } = bench.trust
  const row = { id, label: 'ci-1', roles: ['ci'], person: null, expires: now + 60, revokedAt: null }
  const items = [
    row,
    { ...row, expires: now },
    { ...row, revokedAt: now - 5 },
    { ...row, label: 'laptop', person: 'manager-1', roles: ['approver', 'auditor'] },
  ]
  bench.courier.on('GET /tokens', () => ({ items, next: null }))
  expect(await bench.must('token', 'list')).toEqual([
    `${id}  ci                until ${timeText(now + 60)}       ci-1`,
    `${id}  ci                expired ${timeText(now)}     ci-1`,
    `${id}  ci                void since ${timeText(now - 5)}  ci-1`,
    `${id}  approver, auditor  until ${timeText(now + 60)}       laptop, of manager-1`,
  ])
})
