import { X509Certificate } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256 } from '../../domain/bytes.js'
import { buildSign1 } from '../../domain/cose/sign1.js'
import { encodeCertificateRequest, type CertificateRequest } from '../../domain/trust/certificate-request.js'
import { labelOf } from '../../domain/trust/labels.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { refusedBySigner } from '../../../test/support/refused-by-signer.js'
import { SignerFixture, type SignerFixtureOptions } from '../../../test/support/signer-fixture.js'
import { makeP256Key, makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'

let fixture: SignerFixture
let release: SignerClient
let online: SignerClient
let krl: Uint8Array
const begin = async (options: SignerFixtureOptions = {}): Promise<void> => {
  fixture = await SignerFixture.make({ withDeviceCa: true, ...options })
  release = await fixture.start('release')
  online = await fixture.start('online')
  krl = await fixture.signFirstKrl(release)
}
const device = makeSoftKey()
const tls = makeP256Key()
const requestOf = (by: SoftKey, change: Partial<CertificateRequest> = {}): Promise<Uint8Array> => {
  const fields = {
    namespace: 'gateway/prod',
    deviceId: by.keyIdHex,
    deviceKey: by.key,
    tlsKey: tls.key,
    time: fixture.clock.seconds,
  }
  return buildSign1(
    by,
    encodeCertificateRequest({ ...fields, ...change } as CertificateRequest),
    labelOf('certificate-request'),
  )
}
const certify = async (by = device, change: Partial<CertificateRequest> = {}): Promise<X509Certificate> => {
  const { certificate } = await online.request('certify', { request: await requestOf(by, change), keyChanges: [] })
  return new X509Certificate(certificate)
}

describe('certificates of devices', () => {
  beforeAll(() => begin())
  afterAll(() => fixture.dispose())

  it('name the device that asked and its TLS key, for 30 days, by an authority whose key is in the token', async () => {
    const authority = new X509Certificate((await online.request('device-ca', {})).certificate)
    const certificate = await certify()
    expect(certificate.subject).toBe(`O=gateway/prod\nCN=${device.keyIdHex}`)
    expect(certificate.verify(authority.publicKey)).toBe(true)
    expect(certificate.checkIssued(authority)).toBe(true)
    expect(Date.parse(certificate.validTo)).toBe((fixture.clock.seconds + 30 * 86_400) * 1_000)
    const { x } = certificate.publicKey.export({ format: 'jwk' })
    expect(x).toBe(Buffer.from(tls.key.x).toString('base64url'))
    expect((await certify()).serialNumber).not.toBe(certificate.serialNumber)
  })

  it('are counted over a restart', async () => {
    const device = makeSoftKey()
    for (let count = 0; count < 5; count += 1) await certify(device)
    await fixture.stop('online')
    online = await fixture.start('online')
    await expect(certify(device)).rejects.toEqual(refusedBySigner('RATE_EXCEEDED', 14))
  })

  it.each([
    ['for another device', { deviceId: 'ab'.repeat(32) }, 'DEVICE_MISMATCH'],
    ['of another namespace', { namespace: 'gateway/dev' }, 'WRONG_NAMESPACE'],
    ['that lay about', { time: 1 }, 'REQUEST_STALE'],
  ] as const)('are refused to a request %s', async (_, change, code) => {
    await expect(certify(device, change)).rejects.toEqual(refusedBySigner(code, 26))
  })

  it('are refused to a device whose key a KRL revokes', async () => {
    await certify()
    const keys = [{ keyId: device.keyIdHex, reason: 1, time: fixture.clock.seconds }]
    const next = fixture.trust.krl({ number: 2, keys, previousSha256: sha256(krl) })
    await release.request('krl', await fixture.krlRequest(next))
    await expect(certify()).rejects.toEqual(refusedBySigner('KEY_REVOKED', 26))
  })

  it('are no business of the release signer', async () => {
    const request = { request: await requestOf(device), keyChanges: [] }
    await expect(release.request('certify', request)).rejects.toEqual(refusedBySigner('ROLE_NOT_SERVED', 1))
    await expect(release.request('device-ca', {})).rejects.toEqual(refusedBySigner('ROLE_NOT_SERVED', 1))
  })

  it('are so many a day for one device, and more the next day', async () => {
    const device = makeSoftKey()
    for (let count = 0; count < 5; count += 1) await certify(device)
    await expect(certify(device)).rejects.toEqual(refusedBySigner('RATE_EXCEEDED', 14))
    await expect(certify(makeSoftKey())).resolves.toBeDefined()
    fixture.clock.seconds += 86_400
    await expect(certify(device)).resolves.toBeDefined()
  })
})

describe('certificates of devices', () => {
  afterEach(() => fixture.dispose())

  it('are so many a day for all, where the policy says so', async () => {
    await begin({ policy: { limits: { certificatesPerDay: 2 } } })
    await certify(makeSoftKey())
    await certify(makeSoftKey())
    await expect(certify(makeSoftKey())).rejects.toEqual(refusedBySigner('RATE_EXCEEDED', 14))
  })

  it('are refused where the root lists no authority', async () => {
    await begin({ withDeviceCa: false })
    await expect(certify()).rejects.toEqual(refusedBySigner('SIGNER_KEY_MISSING', 15))
    await expect(online.request('device-ca', {})).rejects.toEqual(refusedBySigner('SIGNER_KEY_MISSING', 15))
  })
})
