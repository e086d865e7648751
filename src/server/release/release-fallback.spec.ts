import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { sha256, toBase64Url, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'

type Body = Reply['body']
const signerDown = new Refusal('SIGNER_UNAVAILABLE', { why: 'restarting' })

describe('a release with a fallback', () => {
  let bench: PeopleBench
  let former: Uint8Array
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
    former = bench.makeImage()
    await bench.upload(former)
    const { body } = await bench.submit(former)
    const release = (await bench.call('POST', '/releases', 'engineer', { requestId: body['requestId'] })).body
    for (const person of ['manager-1', 'manager-2']) await bench.approve(release, person)
  }, 60_000)
  afterAll(() => bench.stop())

  const show = async (id: unknown): Promise<Body> =>
    (await bench.call('GET', `/releases/${String(id)}`, 'auditor')).body

  let count = 0
  /** What an engineer asks for: new firmware, and `image` to fall back to. */
  async function propose(image = former, change: object = {}): Promise<Reply> {
    count += 1
    const next = bench.makeImage()
    await bench.upload(next)
    const { body: submitted } = await bench.submit(next)
    const fallback = { requestId: `fallback-${count}`, version: '1.3.0', ...change }
    const { body } = await bench.submit(image, 'engineer-1', fallback)
    const request = { requestId: submitted['requestId'], fallbackRequestId: body['requestId'] }
    return bench.call('POST', '/releases', 'engineer', request)
  }

  async function pair(): Promise<readonly [Body, Body]> {
    const release = (await propose()).body
    return [release, await show(release['fallbackId'])]
  }

  async function approveBoth([release, fallback]: readonly [Body, Body], person: string): Promise<Reply> {
    const body = {
      approval: toBase64Url(await bench.approval(release, person)),
      fallbackApproval: toBase64Url(await bench.approval(fallback, person)),
    }
    return bench.call('POST', `/releases/${String(release['id'])}/approvals`, 'approver', body)
  }

  it('is approved and signed together with it, the fallback with the sequence after', async () => {
    const both = await pair()
    const [release, fallback] = both
    expect(fallback).toMatchObject({
      sequence: Number(release['sequence']) + 1,
      imageSha256: toHex(sha256(former)),
      fallbackOf: release['id'],
      state: 'awaiting-approval',
    })
    expect((await approveBoth(both, 'manager-1')).body).toMatchObject({ state: 'awaiting-approval' })
    expect((await show(fallback['id']))['state']).toBe('awaiting-approval')
    expect((await approveBoth(both, 'manager-2')).body).toMatchObject({ state: 'signed' })
    expect(await show(fallback['id'])).toMatchObject({ state: 'signed', approvals: [{}, {}] })
  })

  it('takes no approval of one alone', async () => {
    const [release, fallback] = await pair()
    const alone = await bench.approve(release, 'manager-1')
    expect(refusalIn(alone)).toMatchObject({ code: 'REQUEST_INVALID', detail: { field: 'fallbackApproval' } })
    const other = await bench.approve(fallback, 'manager-1')
    expect(refusalIn(other)).toMatchObject({ status: 409, code: 'STATE', detail: { wanted: 'signed' } })
    for (const { id } of [release, fallback]) expect(await show(id)).toMatchObject({ approvals: [] })
  })

  it('keeps neither approval when one of the two does not fit', async () => {
    const [release, fallback] = await pair()
    const body = {
      approval: toBase64Url(await bench.approval(release, 'manager-1')),
      fallbackApproval: toBase64Url(await bench.approval(fallback, 'manager-1', { requestId: 'another' })),
    }
    const reply = await bench.call('POST', `/releases/${String(release['id'])}/approvals`, 'approver', body)
    expect(refusalIn(reply)).toMatchObject({ code: 'APPROVAL_MISMATCH', detail: { field: 'requestId' } })
    expect(await show(release['id'])).toMatchObject({ approvals: [] })
  })

  it('is finished by the same approvals again when the signer went away between the two', async () => {
    const both = await pair()
    await approveBoth(both, 'manager-1')
    let signatures = 0
    bench.signers.gate = async () => {
      signatures += 1
      if (signatures === 2) bench.signers.refusal = signerDown
    }
    const approvals = await Promise.all(both.map((each) => bench.approval(each, 'manager-2')))
    const [approval, fallbackApproval] = approvals.map(toBase64Url)
    const send = (): Promise<Reply> =>
      bench.call('POST', `/releases/${String(both[0]['id'])}/approvals`, 'approver', { approval, fallbackApproval })
    const cut = await send()
    bench.signers.gate = () => Promise.resolve()
    const states = async (): Promise<unknown[]> => Promise.all(both.map(async ({ id }) => (await show(id))['state']))
    expect(cut.status).toBe(503)
    // Nothing of it goes to devices yet: a rollout of a release with a fallback needs both.
    expect(await states()).toEqual(['signed', 'awaiting-approval'])
    const signed = bench.signers.signed.length
    expect(await send()).toMatchObject({ status: 200, body: { state: 'signed' } })
    expect(await states()).toEqual(['signed', 'signed'])
    expect(bench.signers.signed.length - signed).toBe(1)
  })

  it('is rejected with it', async () => {
    const [{ id }, fallback] = await pair()
    const no = { reason: 'wrong branch' }
    expect(await bench.call('POST', `/releases/${String(id)}/rejection`, 'approver', no)).toMatchObject({ status: 200 })
    expect(await show(fallback['id'])).toMatchObject({ state: 'rejected', rejection: no })
  })

  it('gets the next two numbers with it when another release overtook both', async () => {
    const [{ id }, fallback] = await pair()
    const faster = await bench.release()
    for (const person of ['manager-1', 'manager-2']) await bench.approve(faster, person)
    expect((await show(fallback['id']))['state']).toBe('overtaken')
    const alone = await bench.call('POST', `/releases/${String(fallback['id'])}/renew`, 'engineer')
    expect(refusalIn(alone)).toMatchObject({ code: 'STATE' })
    const { body } = await bench.call('POST', `/releases/${String(id)}/renew`, 'engineer')
    expect(body).toMatchObject({ state: 'awaiting-approval', sequence: Number(faster['sequence']) + 1 })
    expect((await show(fallback['id']))['sequence']).toBe(Number(faster['sequence']) + 2)
  })

  it('is an image that was signed before', async () => {
    const image = bench.makeImage()
    await bench.upload(image)
    const why = 'its image was never signed for this class'
    expect(refusalIn(await propose(image))).toEqual({
      status: 400,
      code: 'REQUEST_INVALID',
      detail: { field: 'fallbackRequestId', why },
    })
  })

  it('is another image than that of the release', async () => {
    const { body: again } = await bench.submit(former, 'engineer-1', { requestId: 'again-1' })
    const { body: once } = await bench.submit(former, 'engineer-1', { requestId: 'again-2' })
    const request = { requestId: again['requestId'], fallbackRequestId: once['requestId'] }
    const reply = await bench.call('POST', '/releases', 'engineer', request)
    expect(refusalIn(reply)).toMatchObject({ status: 400, detail: { why: 'it is the image of the release itself' } })
  })
})
