import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { CLASS_ID } from '../../../test/support/trust-fixture.js'
import { toHex } from '../../domain/bytes.js'

describe('a namespace', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(() => bench.stop())

  it('shows its device classes, and which of them people signed for', async () => {
    const classes = async (): Promise<unknown> => (await bench.call('GET', '', 'ci')).body['classes']
    const row = { name: 'gateway-b', model: 'gateway', hardwareRevision: 'rev-b', environment: 'prod' }
    expect(await classes()).toEqual([{ ...row, classId: toHex(CLASS_ID), isInPolicy: false }])
    await bench.begin()
    expect(await classes()).toEqual([{ ...row, classId: toHex(CLASS_ID), isInPolicy: true }])
  })

  it('is nothing to a token of another', async () => {
    const other = await bench.server.token(['auditor'], null, 'gateway/other')
    const answer = await bench.server.app.inject({ url: bench.base, headers: { authorization: `Bearer ${other}` } })
    expect(answer.statusCode).toBe(404)
  })
})
