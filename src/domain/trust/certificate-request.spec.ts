import { beforeAll, describe, expect, it } from '@jest/globals'
import { makeP256Key, makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { refusedBy } from '../../../test/support/refused.js'
import { nativeAlgorithms } from '../cose/algorithms.js'
import { encodeSign, makeOneSignature } from '../cose/sign.js'
import { buildSign1 } from '../cose/sign1.js'
import { encodeCertificateRequest, openCertificateRequest, type CertificateRequest } from './certificate-request.js'
import { encodeKeyChange } from './key-change.js'
import { labelOf } from './labels.js'

const namespace = 'gateway/prod'
const now = 1_800_000_000
const [first, second, thief] = [makeSoftKey(), makeSoftKey(), makeSoftKey()]
const tls = makeP256Key()
const judge = { namespace, allowed: [-19, -9], algorithms: nativeAlgorithms, revoked: new Set<string>(), now }
const requestBy = (signer: SoftKey, change: Partial<CertificateRequest> = {}): Promise<Uint8Array> => {
  const fields = { namespace, deviceId: first.keyIdHex, deviceKey: first.key, tlsKey: tls.key, time: now }
  const payload = encodeCertificateRequest({ ...fields, ...change } as CertificateRequest)
  return buildSign1(signer, payload, labelOf('certificate-request'))
}
const changeTo = async (next: SoftKey, by: readonly SoftKey[] = [first, next]): Promise<Uint8Array> => {
  const payload = encodeKeyChange({ namespace, deviceId: first.keyIdHex, nonce: new Uint8Array(32), key: next.key })
  return encodeSign(payload, await Promise.all(by.map((key) => makeOneSignature(key, payload, labelOf('key-change')))))
}

describe('a request for a certificate', () => {
  let change: Uint8Array
  beforeAll(async () => {
    change = await changeTo(second)
  })

  it('proves the name by the key that gave it, or by the changes that lead from there', async () => {
    expect(openCertificateRequest(await requestBy(first), [], judge)).toMatchObject({
      deviceId: first.keyIdHex,
      tlsKey: tls.key,
    })
    expect(openCertificateRequest(await requestBy(second), [change], judge).deviceId).toBe(first.keyIdHex)
  })

  const cases: readonly (readonly [string, () => Promise<Uint8Array>, () => Promise<Uint8Array[]>, object, object])[] =
    [
      [
        'another device’s name',
        () => requestBy(thief, { deviceKey: thief.key }),
        async () => [],
        {},
        { code: 'DEVICE_MISMATCH', detail: { field: 'deviceId' } },
      ],
      [
        'another key than the device’s',
        () => requestBy(thief),
        async () => [],
        {},
        { code: 'DEVICE_MISMATCH', detail: { field: 'keyId' } },
      ],
      [
        'the key that was given up',
        () => requestBy(first),
        async () => [change],
        {},
        { code: 'DEVICE_MISMATCH', detail: { field: 'keyId' } },
      ],
      [
        'a change that the device did not sign',
        () => requestBy(thief),
        async () => [await changeTo(thief, [thief])],
        {},
        { code: 'SIGNATURE_MISSING', detail: { role: 'device' } },
      ],
      [
        'a change to a key that is not there',
        () => requestBy(second),
        async () => [await changeTo(second, [first])],
        {},
        { code: 'SIGNATURE_MISSING', detail: { role: 'next device key' } },
      ],
      [
        'another namespace',
        () => requestBy(first, { namespace: 'gateway/dev' }),
        async () => [],
        {},
        { code: 'WRONG_NAMESPACE', detail: { expected: namespace, found: 'gateway/dev' } },
      ],
      [
        'an hour ago',
        () => requestBy(first, { time: now - 601 }),
        async () => [],
        {},
        { code: 'REQUEST_STALE', detail: { time: now - 601, now } },
      ],
      [
        'a later hour',
        () => requestBy(first, { time: now + 601 }),
        async () => [],
        {},
        { code: 'REQUEST_STALE', detail: { time: now + 601, now } },
      ],
      [
        'a revoked key',
        () => requestBy(first),
        async () => [],
        { revoked: new Set([first.keyIdHex]) },
        { code: 'KEY_REVOKED', detail: { keyId: first.keyIdHex } },
      ],
      [
        'a key whose successor is revoked',
        () => requestBy(second),
        async () => [change],
        { revoked: new Set([second.keyIdHex]) },
        { code: 'KEY_REVOKED', detail: { keyId: second.keyIdHex } },
      ],
      [
        'an algorithm that the root does not allow',
        () => requestBy(first),
        async () => [],
        { allowed: [-9] },
        { code: 'ALGORITHM_NOT_ALLOWED', detail: { alg: -19 } },
      ],
      [
        'a TLS key of another kind',
        () => requestBy(first, { tlsKey: second.key as never }),
        async () => [],
        {},
        { code: 'KEY_MALFORMED', detail: { why: 'a TLS key is of P-256' } },
      ],
    ]
  it.each(cases)('is refused for %s', async (_, request, changes, with_, refusal) => {
    const [bytes, keyChanges] = [await request(), await changes()]
    expect(refusedBy(() => openCertificateRequest(bytes, keyChanges, { ...judge, ...with_ }))).toEqual(refusal)
  })

  it('is refused with more changes than a device makes', async () => {
    const bytes = await requestBy(first)
    const many = Array.from({ length: 65 }, () => change)
    expect(refusedBy(() => openCertificateRequest(bytes, many, judge)).code).toBe('DOCUMENT_MALFORMED')
  })

  it('is refused with any bit of its signature changed', async () => {
    const bytes = await requestBy(first)
    const changed = bytes.slice()
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    expect(refusedBy(() => openCertificateRequest(changed, [], judge)).code).toBe('SIGNATURE_INVALID')
  })
})
