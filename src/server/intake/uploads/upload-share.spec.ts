import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { PeopleBench, refusalIn, type Reply } from '../../../../test/support/people-bench.js'
import type { ApiRole } from '../../access/roles.decorator.js'
import { StoreSweep } from '../store-sweep.service.js'

describe('uploads that are open', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(() => bench.stop())
  beforeEach(() => bench.server.database.query('DELETE FROM upload'))

  const call = async (method: 'POST' | 'DELETE', path: string, token: string): Promise<Reply & { id: string }> => {
    const answer = await bench.server.app.inject({
      method,
      url: `${bench.base}${path}`,
      headers: {
        ...{ authorization: `Bearer ${token}`, 'tus-resumable': '1.0.0', 'upload-length': '5' },
        'upload-metadata': `sha256 ${Buffer.from('cd'.repeat(32)).toString('base64')}`,
      },
    })
    const body = answer.body === '' ? {} : (answer.json() as Reply['body'])
    return { status: answer.statusCode, body, id: String(answer.headers['location']).slice(-36) }
  }
  const begin = (token: string): ReturnType<typeof call> => call('POST', '/uploads', token)
  const cancel = async (id: string, role: ApiRole): Promise<number> =>
    (await call('DELETE', `/uploads/${id}`, await bench.token(role))).status
  const newToken = (role: ApiRole, person: string | null = null): Promise<string> =>
    bench.server.token([role], person, bench.trust.namespace)

  it('are 16 at most with one token, and 64 in a namespace', async () => {
    const refused = (why: string): object => ({ status: 409, code: 'CONFLICT', detail: { what: 'upload', why } })
    for (let token = 1; token <= 4; token += 1) {
      const machine = await newToken('ci')
      for (let count = 1; count <= 16; count += 1) expect((await begin(machine)).status).toBe(201)
      if (token < 4) expect(refusalIn(await begin(machine))).toEqual(refused('16 are open with this token already'))
    }
    expect(refusalIn(await begin(await newToken('ci')))).toEqual(refused('64 are open in this namespace already'))
  }, 60_000)

  it('are seen and given up by people, also those of a build system that ran wild', async () => {
    const { id } = await begin(await newToken('ci'))
    const seenBy = async (role: ApiRole): Promise<unknown> =>
      (await bench.call('GET', '/uploads?of=all', role)).body['items']
    expect(await seenBy('security-officer')).toMatchObject([{ id, createdBy: 'ci' }])
    expect(await seenBy('engineer')).toHaveLength(1)
    // Another machine is no steward, and an auditor only reads.
    expect(await seenBy('ci')).toEqual([])
    expect([await cancel(id, 'ci'), await cancel(id, 'auditor')]).toEqual([404, 403])
    expect(await cancel(id, 'security-officer')).toBe(204)
    expect(await seenBy('security-officer')).toEqual([])
    const next = await begin(await newToken('ci'))
    expect(await cancel(next.id, 'engineer')).toBe(204)
  })

  it('are none while the store is down: what nobody can bring takes no place', async () => {
    const incoming = join(bench.server.config.storeDir, 'incoming')
    await rename(incoming, `${incoming}.away`)
    await writeFile(incoming, 'no folder')
    const detail = { why: 'its folder is no folder' }
    expect(refusalIn(await begin(await newToken('ci')))).toEqual({ status: 503, code: 'STORE_UNAVAILABLE', detail })
    expect(await bench.server.database.query('SELECT id FROM upload')).toEqual([])
    await rm(incoming)
    await rename(`${incoming}.away`, incoming)
  })

  it('are swept away when no token of their owner is good any more', async () => {
    const { database, app } = bench.server
    const left = (): Promise<unknown> => database.query('SELECT actor FROM upload')
    const [machine, one] = [await newToken('ci'), await newToken('engineer', 'engineer-7')]
    for (const token of [machine, one]) expect((await begin(token)).status).toBe(201)
    // A person goes on with another token.
    await newToken('engineer', 'engineer-7')
    await app.get(StoreSweep).sweep()
    expect(await left()).toHaveLength(2)
    await database.query('UPDATE api_token SET revoked_at = 1 WHERE id IN (SELECT token_id FROM upload)')
    await app.get(StoreSweep).sweep()
    expect(await left()).toEqual([{ actor: 'engineer-7' }])
    await database.query("UPDATE api_token SET expires_at = 1 WHERE person = 'engineer-7'")
    await app.get(StoreSweep).sweep()
    expect(await left()).toEqual([])
  })
})
