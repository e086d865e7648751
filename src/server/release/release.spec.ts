import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bytesIn, PeopleBench, refusalIn } from '../../../test/support/people-bench.js'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { parseEnvelope } from '../../domain/suit/envelope.js'
import { parseManifest } from '../../domain/suit/manifest.js'
import { AuditService } from '../audit/audit.service.js'
import { ReleaseRow } from './release.row.js'

describe('releases', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
  }, 60_000)
  afterAll(() => bench.stop())

  const show = async (id: unknown): Promise<Readonly<Record<string, unknown>>> =>
    (await bench.call('GET', `/releases/${String(id)}`, 'auditor')).body

  it('is signed when two managers approved, and not before', async () => {
    const release = await bench.release()
    expect(release).toMatchObject({
      state: 'awaiting-approval',
      className: 'gateway-b',
      version: '1.4.0',
      envelope: null,
    })
    const first = await bench.approve(release, 'manager-1')
    expect(first.body).toMatchObject({ state: 'awaiting-approval', envelope: null })
    const second = await bench.approve(release, 'manager-2')
    expect(second).toMatchObject({ status: 200, body: { state: 'signed', lastRefusal: null } })
    const envelope = parseEnvelope(bytesIn(second.body, 'envelope'))
    expect(toHex(envelope.claimedSha256)).toBe(release['manifestSha256'])
    expect(parseManifest(envelope.manifest).sequence).toBe(release['sequence'])
    expect(second.body['approvals']).toMatchObject([{ person: 'manager-1' }, { person: 'manager-2' }])
  })

  it('signs once when two callers find the quorum at the same moment', async () => {
    const release = await bench.release()
    const approvals = [await bench.approval(release, 'manager-1'), await bench.approval(release, 'manager-2')]
    // Both approvals are stored and the signature is still due: each caller that repeats theirs would have it made.
    bench.signers.refusal = new Refusal('SIGNER_UNAVAILABLE', { why: 'restarting' })
    for (const approval of approvals) await bench.sendApproval(release, approval)
    const before = bench.signers.signed.length
    bench.signers.gate = () => new Promise((resolve) => setTimeout(resolve, 300))
    const replies = await Promise.all(approvals.map((approval) => bench.sendApproval(release, approval)))
    bench.signers.gate = () => Promise.resolve()
    expect(replies.map((reply) => reply.status)).toEqual([200, 200])
    expect(bench.signers.signed.length - before).toBe(1)
    expect(await show(release['id'])).toMatchObject({ state: 'signed' })
  })

  it.each([
    ['of another manifest', { subjectSha256: new Uint8Array(32) }, 'subject'],
    ['for another request', { requestId: 'another' }, 'requestId'],
    ['under another policy', { policyVersion: 9 }, 'policyVersion'],
    ['of another operation', { operation: 'krl', image: undefined }, 'operation'],
  ])('refuses an approval %s', async (_, change, field) => {
    const release = await bench.release()
    const reply = await bench.approve(release, 'manager-1', change)
    expect(refusalIn(reply)).toEqual({ status: 400, code: 'APPROVAL_MISMATCH', detail: { field } })
    expect(await show(release['id'])).toMatchObject({ approvals: [] })
  })

  it('counts a person once', async () => {
    const release = await bench.release()
    await bench.approve(release, 'manager-1')
    const reply = await bench.approve(release, 'manager-1', { notBefore: bench.trust.now - 30 })
    expect(refusalIn(reply)).toEqual({ status: 409, code: 'APPROVER_REPEATED', detail: { person: 'manager-1' } })
    expect(await show(release['id'])).toMatchObject({ state: 'awaiting-approval' })
  })

  it('does not count whoever submitted, whatever role they have', async () => {
    const reply = await bench.approve(await bench.release(), 'engineer-1')
    expect(refusalIn(reply)).toEqual({ status: 409, code: 'APPROVER_IS_REQUESTER', detail: { person: 'engineer-1' } })
  })

  it('takes an approval anew when the earlier one has expired', async () => {
    const release = await bench.release()
    const soon = Math.floor(Date.now() / 1_000) + 1
    await bench.approve(release, 'manager-1', { expires: soon })
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    expect(await bench.approve(release, 'manager-2')).toMatchObject({
      status: 200,
      body: { state: 'awaiting-approval' },
    })
    expect(await bench.approve(release, 'manager-1')).toMatchObject({ status: 200, body: { state: 'signed' } })
  })

  it("keeps the signer's refusal, and the same approval again tries once more", async () => {
    const release = await bench.release()
    await bench.approve(release, 'manager-1')
    bench.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'CHANGE_WINDOW_CLOSED', check: 13 })
    const approval = await bench.approval(release, 'manager-2')
    const detail = { code: 'CHANGE_WINDOW_CLOSED', check: 13 }
    expect(refusalIn(await bench.sendApproval(release, approval))).toEqual({
      status: 409,
      code: 'SIGNER_REFUSED',
      detail,
    })
    expect(await show(release['id'])).toMatchObject({ state: 'awaiting-approval', lastRefusal: detail })
    expect(await bench.sendApproval(release, approval)).toMatchObject({ status: 200, body: { state: 'signed' } })
  })

  it('is signed when somebody who approved it already approves again after the signer refused', async () => {
    const release = await bench.release()
    await bench.approve(release, 'manager-1')
    bench.signers.refusal = new Refusal('SIGNER_UNAVAILABLE', { why: 'restarting' })
    await bench.approve(release, 'manager-2')
    expect(await bench.approve(release, 'manager-2', { notBefore: bench.trust.now - 30 })).toMatchObject({
      status: 200,
      body: { state: 'signed', approvals: [{ person: 'manager-1' }, { person: 'manager-2' }] },
    })
  })

  it('stores no envelope that a device would refuse', async () => {
    const release = await bench.release()
    await bench.approve(release, 'manager-1')
    bench.signers.spoil = (envelope) => {
      const spoiled = new Uint8Array(envelope)
      spoiled[130] = (spoiled[130] ?? 0) ^ 1
      return spoiled
    }
    const reply = await bench.approve(release, 'manager-2')
    bench.signers.spoil = (envelope) => envelope
    expect(reply).toMatchObject({ status: 400, body: { code: 'SIGNATURE_INVALID' } })
    expect(await show(release['id'])).toMatchObject({
      envelope: null,
      lastRefusal: { code: 'SIGNATURE_INVALID', check: 0 },
    })
  })

  it('is overtaken by a higher number, and renewed with a new one and without its approvals', async () => {
    const low = await bench.release()
    const high = await bench.release()
    await bench.approve(low, 'manager-1')
    await bench.approve(high, 'manager-1')
    await bench.approve(high, 'manager-2')
    expect(await show(low['id'])).toMatchObject({ state: 'overtaken' })
    const late = await bench.approve(low, 'manager-2')
    expect(refusalIn(late)).toEqual({
      status: 409,
      code: 'STATE',
      detail: { what: 'release', state: 'overtaken', wanted: 'awaiting-approval' },
    })
    const renewed = await bench.call('POST', `/releases/${String(low['id'])}/renew`, 'engineer')
    expect(renewed.body).toMatchObject({ state: 'awaiting-approval', approvals: [] })
    expect(Number(renewed.body['sequence'])).toBeGreaterThan(Number(high['sequence']))
    await bench.approve(renewed.body, 'manager-1')
    expect((await bench.approve(renewed.body, 'manager-2')).body).toMatchObject({ state: 'signed' })
  })

  it('is rejected with a reason and takes no approval after that', async () => {
    const release = await bench.release()
    const path = `/releases/${String(release['id'])}/rejection`
    const rejected = await bench.call('POST', path, 'approver', { reason: 'wrong branch' }, 'manager-1')
    expect(rejected.body).toMatchObject({
      state: 'rejected',
      rejection: { person: 'manager-1', reason: 'wrong branch' },
    })
    expect((await bench.approve(release, 'manager-1')).body).toMatchObject({ code: 'STATE' })
  })

  it('gives two drafts at once two numbers, and a submission one release', async () => {
    const [a, b] = await Promise.all([bench.release(), bench.release()])
    expect(a['sequence']).not.toBe(b['sequence'])
    const again = await bench.call('POST', '/releases', 'engineer', { requestId: a['requestId'] })
    const detail = { what: 'release', why: 'this submission has its release already' }
    expect(refusalIn(again)).toEqual({ status: 409, code: 'CONFLICT', detail })
  })

  it.each([
    [
      'a request nobody submitted',
      { requestId: 'nobody' },
      { status: 404, code: 'NOT_FOUND', detail: { what: 'submission', id: 'nobody' } },
    ],
  ])('refuses %s', async (_, body, refusal) => {
    expect(refusalIn(await bench.call('POST', '/releases', 'engineer', body))).toEqual(refusal)
  })

  it('answers an id that cannot exist like one that does not', async () => {
    const { status, body } = await bench.call('GET', '/releases/1', 'auditor')
    expect({ status, code: body['code'] }).toEqual({ status: 404, code: 'NOT_FOUND' })
  })

  it('lists the newest first, page by page', async () => {
    const all = (await bench.call('GET', '/releases', 'auditor')).body['items'] as { id: string }[]
    const page = (await bench.call('GET', '/releases?limit=2', 'auditor')).body
    expect((page['items'] as { id: string }[]).map((row) => row.id)).toEqual(all.slice(0, 2).map((row) => row.id))
    const next = (await bench.call('GET', `/releases?limit=2&after=${String(page['next'])}`, 'auditor')).body
    expect((next['items'] as { id: string }[]).map((row) => row.id)).toEqual(all.slice(2, 4).map((row) => row.id))
  })

  it('leaves an unbroken audit chain with who did what', async () => {
    const audit = bench.server.app.get(AuditService)
    expect(await audit.findBreak(bench.trust.namespace)).toBeNull()
    const events = new Set(
      (await audit.list(bench.trust.namespace, { limit: 1_000 })).items.map((entry) => entry.event),
    )
    const expected = [
      'firmware.uploaded',
      'firmware.submitted',
      'release.created',
      'release.approved',
      'release.signed',
    ]
    for (const event of [...expected, 'release.refused', 'release.rejected', 'release.renewed'])
      expect(events).toContain(event)
    expect(await bench.server.database.getRepository(ReleaseRow).countBy({ state: 'draft' })).toBe(0)
  })
})
