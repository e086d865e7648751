import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ServerUnderTest } from '../../../test/support/server-app.js'
import { TestDatabases } from '../../../test/support/test-database.js'
import { ApiTokenRow } from './api-token.row.js'

const base = '/api/v1/gateway/test'

describe('tokens', () => {
  let databases: TestDatabases
  let server: ServerUnderTest
  let officer = ''
  beforeAll(async () => {
    databases = await TestDatabases.start()
    server = await ServerUnderTest.start({ databaseUrl: await databases.create() })
    officer = await server.token(['security-officer'], 'security-1')
  }, 60_000)
  afterAll(async () => {
    await server.stop()
    await databases.stop()
  })

  const call = async (
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    token: string | null,
    payload?: object,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` }
    const answer = await server.app.inject({
      method,
      url: path,
      headers,
      ...(payload === undefined ? {} : { payload }),
    })
    return { status: answer.statusCode, body: answer.body === '' ? {} : (answer.json() as Record<string, unknown>) }
  }
  const wanted = { label: 'build', roles: ['ci'], expires: Math.floor(Date.now() / 1_000) + 60 }

  it.each([
    ['no token', null],
    ['a word that is no token', 'cst_x'],
    ['a token nobody made', `cst_${'0'.repeat(32)}_${'A'.repeat(43)}`],
  ])('refuses %s', async (_, token) => {
    const { status, body } = await call('GET', `${base}/tokens`, token)
    expect({ status, code: body['code'], detail: body['detail'] }).toEqual({
      status: 401,
      code: 'UNAUTHENTICATED',
      detail: {},
    })
  })

  it('refuses a token whose secret differs in its last character', async () => {
    const other = officer.slice(0, -2) + (officer.at(-2) === 'A' ? 'B' : 'A') + officer.slice(-1)
    expect((await call('GET', `${base}/tokens`, other)).status).toBe(401)
  })

  it('tells a token of one namespace nothing of another', async () => {
    const { status, body } = await call('GET', '/api/v1/gateway/prod/tokens', officer)
    expect(status).toBe(404)
    expect(body).toMatchObject({ code: 'NOT_FOUND', detail: { what: 'namespace', id: 'gateway/prod' } })
  })

  it('refuses a role that the call does not name, and says which it needs', async () => {
    const { status, body } = await call('GET', `${base}/tokens`, await server.token(['engineer', 'approver']))
    expect(status).toBe(403)
    expect(body).toMatchObject({ code: 'FORBIDDEN', detail: { needed: 'security-officer' } })
  })

  it('shows a new token once and keeps its hash only', async () => {
    const made = await call('POST', `${base}/tokens`, officer, wanted)
    expect(made.status).toBe(201)
    const text = String(made.body['token'])
    expect(text).toMatch(/^cst_[0-9a-f]{32}_[\w-]{43}$/)
    const list = await call('GET', `${base}/tokens`, officer)
    expect(JSON.stringify(list.body)).not.toContain(text)
    const rows = await server.database.query<unknown[]>('SELECT t::text FROM api_token t')
    expect(JSON.stringify(rows)).not.toContain(text.slice(-43))
  })

  it('lets a build system upload to its own namespace, and to no other', async () => {
    const made = await call('POST', `${base}/tokens`, officer, wanted)
    const token = String(made.body['token'])
    const image = Buffer.from('firmware')
    const sha256 = createHash('sha256').update(image).digest('hex')
    const put = (namespace: string): Promise<number> =>
      server.app
        .inject({
          method: 'PUT',
          url: `/api/v1/${namespace}/firmware/${sha256}`,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
          payload: image,
        })
        .then((answer) => answer.statusCode)
    expect([await put('gateway/test'), await put('gateway/prod')]).toEqual([201, 404])
    expect((await call('GET', `${base}/firmware/${sha256}/content`, token)).status).toBe(403)
  })

  it('refuses a token from the second it expires', async () => {
    const token = await server.token(['security-officer'])
    await server.database.getRepository(ApiTokenRow).update({ label: 'security-officer' }, { expiresAt: 1 })
    expect((await call('GET', `${base}/tokens`, token)).status).toBe(401)
  })

  it('refuses a revoked token; revoking is safe to repeat', async () => {
    const officer2 = await server.token(['security-officer'], 'security-2')
    const made = await call('POST', `${base}/tokens`, officer2, { ...wanted, roles: ['security-officer'] })
    const path = `${base}/tokens/${String(made.body['id'])}`
    expect((await call('DELETE', path, officer2)).status).toBe(204)
    expect((await call('DELETE', path, officer2)).status).toBe(204)
    expect((await call('GET', `${base}/tokens`, String(made.body['token']))).status).toBe(401)
  })

  it.each([
    ['an unknown role', { ...wanted, roles: ['root'] }, 'roles.0'],
    ['an end in the past', { ...wanted, expires: 1 }, 'expires'],
    ['an unknown member', { ...wanted, admin: true }, 'admin'],
    ['no label', { ...wanted, label: undefined }, 'label'],
    ['a build system that is also a person', { ...wanted, roles: ['ci', 'engineer'] }, 'roles'],
    ['a build system with the name of a person', { ...wanted, person: 'engineer-1' }, 'person'],
    ['a build system for more than a year', { ...wanted, expires: wanted.expires + 400 * 86_400 }, 'expires'],
  ])('refuses %s and names the field', async (_, payload, field) => {
    const officer3 = await server.token(['security-officer'], 'security-3')
    const { status, body } = await call('POST', `${base}/tokens`, officer3, payload)
    expect(status).toBe(400)
    expect(body).toMatchObject({ code: 'REQUEST_INVALID', detail: { field } })
  })
})
