import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bytesIn, PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { sha256, toHex } from '../../domain/bytes.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { parseKrl } from '../../domain/trust/krl.js'
import { MAX_KRL_BYTES } from '../../domain/trust/labels.js'

describe('revocation', () => {
  let bench: PeopleBench
  let number = 1
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
  }, 60_000)
  afterAll(() => bench.stop())

  const propose = async (change: object = {}): Promise<Reply['body']> => {
    number += 1
    const reply = await bench.requestKrl(bench.trust.krl({ number, ...change }))
    expect(reply.status).toBe(201)
    return reply.body
  }
  const trustNow = async (): Promise<Reply['body']> => (await bench.call('GET', '/trust', 'auditor')).body
  const newestNumber = async (): Promise<number> =>
    parseKrl(parseSign1(bytesIn(await trustNow(), 'krl'), MAX_KRL_BYTES).payload ?? new Uint8Array(0)).number

  it('is signed, announced with a fresh statement and timed, once the quorum is there', async () => {
    const key = bench.trust.roleKey('manifest-a').keyIdHex
    const request = await propose({ keys: [{ keyId: key, reason: 1, time: bench.trust.now }] })
    expect((await bench.approveKrl(request, 'security-1')).body).toMatchObject({ state: 'awaiting-approval' })
    expect(await newestNumber()).toBe(number - 1)
    const { body } = await bench.approveKrl(request, 'security-2')
    expect(body).toMatchObject({ state: 'signed', number })
    const { requested, quorum, signed, published } = body['timesMs'] as Record<string, number>
    const order = [requested, quorum, signed, published].map(Number)
    expect(order).toEqual([...order].sort((a, b) => a - b))
    const said = bench.publisher.published.at(-1)
    expect(said).toMatchObject({ rootVersion: 1, krlNumber: number, krlSha256: sha256(said?.krl ?? new Uint8Array(0)) })
    expect(said?.freshness).not.toBeNull()
    const { items } = {
      items: (await bench.call('GET', '/keys', 'auditor')).body as unknown as { keyId: string; state: string }[],
    }
    expect(items.find((each) => each.keyId === key)?.state).toBe('revoked')
    expect(items.filter((each) => each.state !== 'active')).toHaveLength(1)
  })

  it('signs once when two callers find the quorum at the same moment', async () => {
    const request = await propose()
    // Both approvals are stored and the signature is still due: each caller that repeats theirs would have it made.
    bench.signers.refusal = new Refusal('SIGNER_UNAVAILABLE', { why: 'restarting' })
    await bench.approveKrl(request, 'security-1')
    await bench.approveKrl(request, 'security-2')
    const before = bench.signers.signedKrls.length
    bench.signers.gate = () => new Promise((resolve) => setTimeout(resolve, 300))
    await Promise.all([bench.approveKrl(request, 'security-1'), bench.approveKrl(request, 'security-2')])
    bench.signers.gate = () => Promise.resolve()
    expect(bench.signers.signedKrls.length - before).toBe(1)
    expect(await newestNumber()).toBe(number)
  })

  it.each([
    ['for something else', { subjectSha256: new Uint8Array(32) }, 'APPROVAL_MISMATCH', { field: 'subject' }],
    ['of another operation', { operation: 'rollout' }, 'APPROVAL_MISMATCH', { field: 'operation' }],
  ])('refuses an approval %s', async (_, change, code, detail) => {
    const reply = await bench.approveKrl(await propose(), 'security-1', change)
    expect(refusalIn(reply)).toEqual({ status: 400, code, detail })
  })

  it('counts a person once, and only in their role', async () => {
    const request = await propose()
    await bench.approveKrl(request, 'security-1')
    const again = await bench.approveKrl(request, 'security-1', { notBefore: bench.trust.now - 30 })
    expect(refusalIn(again)).toEqual({ status: 409, code: 'APPROVER_REPEATED', detail: { person: 'security-1' } })
    const manager = await bench.approveKrl(request, 'manager-1', { role: 'security' })
    expect(refusalIn(manager)).toEqual({
      status: 400,
      code: 'APPROVAL_ROLE',
      detail: { person: 'manager-1', role: 'security' },
    })
  })

  it("keeps the signer's refusal, and an approval given again tries once more", async () => {
    const request = await propose()
    await bench.approveKrl(request, 'security-1')
    bench.signers.refusal = new Refusal('SIGNER_UNAVAILABLE', { why: 'ECONNREFUSED' })
    const first = await bench.approveKrl(request, 'security-2')
    expect(refusalIn(first)).toEqual({ status: 503, code: 'SIGNER_UNAVAILABLE', detail: { why: 'ECONNREFUSED' } })
    expect((await bench.call('GET', `/krl-requests/${String(request['id'])}`, 'auditor')).body).toMatchObject({
      state: 'awaiting-approval',
      lastRefusal: { code: 'SIGNER_UNAVAILABLE', check: 0 },
    })
    bench.signers.refusal = new Refusal('SIGNER_UNAVAILABLE', { why: 'ECONNREFUSED' })
    expect(await bench.approveKrl(request, 'security-2')).toMatchObject({ status: 503 })
    const anew = { notBefore: bench.trust.now - 30 }
    expect((await bench.approveKrl(request, 'security-2', anew)).body).toMatchObject({ state: 'signed' })
  })

  it('refuses a number that is held, and closes what was proposed below it', async () => {
    const low = await propose()
    const high = await propose()
    await bench.approveKrl(high, 'security-1')
    await bench.approveKrl(high, 'security-2')
    expect((await bench.call('GET', `/krl-requests/${String(low['id'])}`, 'auditor')).body).toMatchObject({
      state: 'refused',
    })
    const reply = await bench.requestKrl(bench.trust.krl({ number }))
    expect(refusalIn(reply)).toEqual({ status: 409, code: 'KRL_OLD', detail: { held: number, offered: number } })
  })

  it('shows a release as withdrawn when its manifest is listed', async () => {
    // The manifest key is revoked by now; a row says what a signature would have.
    const release = await bench.release()
    await bench.server.database.query(
      `UPDATE release SET state = 'signed', envelope = '\\x00', signed_at = 1 WHERE id = $1`,
      [release['id']],
    )
    const digest = String(release['manifestSha256'])
    const request = await propose({ manifests: [{ digest, reason: 1 }] })
    await bench.approveKrl(request, 'security-1')
    await bench.approveKrl(request, 'security-2')
    const { body } = await bench.call('GET', `/releases/${String(release['id'])}`, 'auditor')
    expect(body['state']).toBe('withdrawn')
  })

  it('counts each device from the publication to its first report of that number or a later one', async () => {
    const request = await propose()
    await bench.approveKrl(request, 'security-1')
    const { body } = await bench.approveKrl(request, 'security-2')
    const { published = 0 } = body['timesMs'] as Record<string, number>
    // a took both in turn, b went over this one, c has not come that far.
    const rows = [
      [
        'a',
        number + 1,
        [
          [number, 100],
          [number + 1, 900],
        ],
      ],
      [
        'b',
        number + 1,
        [
          [number, 300],
          [number + 1, 300],
        ],
      ],
      ['c', number - 1, [[number - 1, 10]]],
    ] as const
    for (const [device, holds, times] of rows) {
      await bench.server.database.query(
        `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at, krl_number)
         VALUES ($1, $2, $3, $2::text::bytea, sha256($2::text::bytea), 1, 1, $4)`,
        [bench.trust.namespace, device.repeat(64), Buffer.alloc(16), holds],
      )
      for (const [krl, after] of times)
        await bench.server.database.query(
          `INSERT INTO krl_acknowledgement (namespace, krl_number, received_ms) VALUES ($1, $2, $3)`,
          [bench.trust.namespace, krl, published + after],
        )
    }
    const counted = await bench.call('GET', `/krl-acknowledgements/${number}`, 'auditor')
    expect(counted.body).toMatchObject({
      number,
      publishedMs: published,
      devices: 3,
      acknowledged: 2,
      outstanding: 1,
      p50Ms: 100,
      p99Ms: 300,
      lastMs: 300,
    })
    expect((await bench.call('GET', '/krl-acknowledgements/999999', 'auditor')).status).toBe(404)
  })

  it('refuses a proposal of another namespace', async () => {
    const reply = await bench.requestKrl(bench.trust.krl({ number: 99, namespace: 'gateway/dev' }))
    const detail = { expected: bench.trust.namespace, found: 'gateway/dev' }
    expect(refusalIn(reply)).toEqual({ status: 400, code: 'WRONG_NAMESPACE', detail })
  })

  it('leaves the hash of what was signed in the audit', async () => {
    const items = (await bench.call('GET', '/audit?limit=1000', 'auditor')).body['items'] as {
      event: string
      detail: object
    }[]
    const signed = items.filter((each) => each.event === 'krl.signed')
    expect(signed.at(-1)?.detail).toMatchObject({ sha256: toHex(sha256(bytesIn(await trustNow(), 'krl'))) })
  })
})
