import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { bytesIn, PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { equalBytes, toBase64Url } from '../../domain/bytes.js'
import type { Krl } from '../../domain/trust/krl.js'

describe('an emergency KRL', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
  }, 60_000)
  afterAll(() => bench.stop())

  const signed = (change: Partial<Krl>, key = bench.trust.emergencyKey): Promise<Uint8Array> =>
    bench.trust.signKrl(bench.trust.krl(change), key)
  const post = async (krl: Uint8Array): Promise<Reply> =>
    bench.call('POST', '/trust/krls', 'security-officer', { krl: toBase64Url(krl) })
  const entry = (keyId: string) => ({ keyId, reason: 1, time: bench.trust.now })

  it('is refused from the krl key, from a stranger’s hand, and from other roles', async () => {
    const krlKey = bench.trust.roleKey('krl')
    const ordinary = await post(await signed({ number: 2 }, krlKey))
    const detail = { keyId: krlKey.keyIdHex, role: 'emergency-krl' }
    expect(refusalIn(ordinary)).toEqual({ status: 400, code: 'KEY_UNKNOWN', detail })
    const { emergencyKey } = bench.trust
    const forged = await post(await signed({ number: 1_001 }, { ...krlKey, keyId: emergencyKey.keyId }))
    expect(refusalIn(forged)).toEqual({
      status: 400,
      code: 'SIGNATURE_INVALID',
      detail: { keyId: emergencyKey.keyIdHex },
    })
    const body = { krl: toBase64Url(await signed({ number: 1_001 })) }
    expect((await bench.call('POST', '/trust/krls', 'approver', body)).status).toBe(403)
  })

  it('is taken without a quorum, reaches the signer first, is announced, and makes open requests void', async () => {
    const open = await bench.requestKrl(bench.trust.krl({ number: 2 }))
    const krl = await signed({ number: 1_001, keys: [entry(bench.trust.roleKey('krl').keyIdHex)] })
    expect(await post(krl)).toMatchObject({ status: 200, body: { number: 1_001 } })
    expect(bench.signers.imported.at(-1)?.krl).toEqual(krl)
    expect(bench.publisher.published.at(-1)).toMatchObject({ krlNumber: 1_001 })
    expect(equalBytes(bytesIn((await bench.call('GET', '/trust', 'auditor')).body, 'krl'), krl)).toBe(true)
    const request = await bench.call('GET', `/krl-requests/${String(open.body['id'])}`, 'auditor')
    expect(request.body).toMatchObject({ state: 'refused', lastRefusal: { code: 'KRL_OLD' } })
    const acknowledged = await bench.call('GET', '/krl-acknowledgements/1001', 'auditor')
    expect(acknowledged.body).toMatchObject({ number: 1_001, publishedMs: expect.any(Number) })
    // The same bytes again are no second event.
    expect(await post(krl)).toMatchObject({ status: 200, body: { number: 1_001 } })
  })

  it('has to repeat what is held, and to be newer', async () => {
    expect(refusalIn(await post(await signed({ number: 2_001 })))).toEqual({
      status: 400,
      code: 'KRL_CONTENT',
      detail: { field: 'keys', why: 'an entry that is held is missing' },
    })
    expect(refusalIn(await post(await signed({ number: 1_000 })))).toEqual({
      status: 409,
      code: 'KRL_OLD',
      detail: { held: 1_001, offered: 1_000 },
    })
  })
})
