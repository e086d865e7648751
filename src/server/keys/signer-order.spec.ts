import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench, refusalIn } from '../../../test/support/people-bench.js'
import { toBase64Url } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { encodeKrl } from '../../domain/trust/krl.js'

describe('an order to a signer', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
  }, 60_000)
  afterAll(() => bench.stop())

  const send = (operation: string, process = 'release') => {
    const body = { operation, requestId: 'order-1', order: toBase64Url(Uint8Array.of(1)), approvals: ['AQ'] }
    return bench.call('POST', `/signers/${process}/orders`, 'security-officer', body, 'security-1')
  }

  it('is carried as it came, and written down', async () => {
    expect((await send('clock-reset', 'online')).body).toMatchObject({ process: 'online', suspensionId: '' })
    const order = { requestId: 'order-1', order: Uint8Array.of(1), approvals: [Uint8Array.of(1)] }
    expect(bench.signers.ordered.at(-1)).toEqual({ process: 'online', operation: 'clock-reset', order })
    const { body } = await bench.call('GET', '/audit?limit=1000', 'auditor')
    expect(body['items']).toContainEqual(expect.objectContaining({ event: 'signer.clock-reset', actor: 'security-1' }))
  })

  it('brings a signer that resumes what it may lack, and one that doubts its clock nothing', async () => {
    const before = bench.signers.imported.length
    await send('clock-reset')
    expect(bench.signers.imported).toHaveLength(before)
    await send('resume')
    expect(bench.signers.imported).toHaveLength(before + 1)
    expect(bench.signers.imported.at(-1)).toMatchObject({ policy: bench.trust.policyBytes })
  })

  it('leaves the refusal of the signer in the audit', async () => {
    bench.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'QUORUM_NOT_MET', check: 12 })
    expect(refusalIn(await send('clock-reset'))).toEqual({
      status: 409,
      code: 'SIGNER_REFUSED',
      detail: { code: 'QUORUM_NOT_MET', check: 12 },
    })
    const { body } = await bench.call('GET', '/audit?limit=1000', 'auditor')
    expect((body['items'] as object[]).at(-1)).toMatchObject({
      event: 'signer.order-refused',
      detail: { process: 'release', code: 'QUORUM_NOT_MET', check: 12 },
    })
  })

  it.each([
    ['another process', () => send('resume', 'third'), 404, 'NOT_FOUND'],
    ['another operation', () => send('sign'), 400, 'REQUEST_INVALID'],
  ])('is refused for %s', async (_, act, status, code) => {
    expect(refusalIn(await act())).toMatchObject({ status, code })
  })
})

describe('a KRL request that was made apart', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
  }, 60_000)
  afterAll(() => bench.stop())

  const send = (requestId: string, number: number) => {
    const krl = toBase64Url(encodeKrl(bench.trust.krl({ number })))
    return bench.call('POST', '/krl-requests', 'security-officer', { requestId, krl })
  }

  it('keeps its id, is made once by two who bring it, and stands for one list', async () => {
    const id = randomUUID()
    const [one, two] = await Promise.all([send(id, 2), send(id, 2)])
    expect([one.status, two.status, one.body['id'], two.body['id']]).toEqual([201, 201, id, id])
    const { body } = await bench.call('GET', '/audit?limit=1000', 'auditor')
    const events = (body['items'] as { event: string; detail: { id?: string } }[]).filter(
      ({ detail }) => detail.id === id,
    )
    expect(events).toHaveLength(1)
    expect(refusalIn(await send(id, 3))).toEqual({
      status: 409,
      code: 'CONFLICT',
      detail: { what: 'krl request', why: 'this id stands for another list' },
    })
  })
})
