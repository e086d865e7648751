import { spawnSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, sign, X509Certificate, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { toHex } from '../bytes.js'
import { certificateOf, certificateToSign, type CertificateFields, type P256Key } from './certificate.js'
import { integer, objectId, time } from './der.js'

const deviceId = 'ab'.repeat(32)
const now = 1_800_000_000
const makeKey = (): { key: P256Key; secret: KeyObject } => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
  return {
    key: { kind: 'p256', x: bytes(x), y: bytes(y) },
    secret: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}
const authority = makeKey()
const device = makeKey()
const issuer = { organization: 'gateway/prod', commonName: 'device authority 0011223344556677' }
const base = { issuer, issuerKey: authority.key, notBefore: now - 300, notAfter: now + 86_400 }
const issue = (fields: Omit<CertificateFields, keyof typeof base>): Uint8Array => {
  const toSign = certificateToSign({ ...base, ...fields })
  return certificateOf(
    toSign,
    new Uint8Array(sign('sha256', toSign, { key: authority.secret, dsaEncoding: 'ieee-p1363' })),
  )
}
const serial = Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index)
const ca = issue({ serial, subject: issuer, key: authority.key, isAuthority: true })
const leaf = issue({
  serial,
  subject: { organization: 'gateway/prod', commonName: deviceId },
  key: device.key,
  isAuthority: false,
})

describe('a certificate of a device', () => {
  it('is read as what was written', () => {
    const read = new X509Certificate(leaf)
    expect(read.subject).toBe(`O=gateway/prod\nCN=${deviceId}`)
    expect(read.issuer).toBe('O=gateway/prod\nCN=device authority 0011223344556677')
    expect(read.serialNumber.toLowerCase()).toBe(toHex(serial))
    expect(Date.parse(read.validFrom)).toBe((now - 300) * 1_000)
    expect(Date.parse(read.validTo)).toBe((now + 86_400) * 1_000)
    expect(read.publicKey.export({ format: 'jwk' })).toMatchObject({
      crv: 'P-256',
      x: Buffer.from(device.key.x).toString('base64url'),
    })
    expect(read.ca).toBe(false)
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(read.checkIssued(new X509Certificate(ca))).toBe(true)
    expect(read.verify(new X509Certificate(ca).publicKey)).toBe(true)
    expect(new X509Certificate(ca).ca).toBe(true)
  })

  describe('for OpenSSL', () => {
    let folder: string
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'cs-x509-'))
      for (const [name, der] of Object.entries({ ca, leaf }))
        writeFileSync(join(folder, `${name}.pem`), new X509Certificate(der).toString())
    })
    afterAll(() => rmSync(folder, { recursive: true }))
    const verify = (...options: readonly string[]): string => {
      const file = (name: string): string => join(folder, `${name}.pem`)
      const words = ['verify', '-x509_strict', '-attime', String(now), '-CAfile', file('ca'), ...options, file('leaf')]
      const { stdout, stderr } = spawnSync('openssl', words, { encoding: 'utf8' })
      return `${stdout}${stderr}`
    }

    it('is a client’s, by its strict rules', () => {
      expect(verify('-purpose', 'sslclient')).toMatch(/leaf\.pem: OK/)
    })

    it('is no server’s, and ends with its life', () => {
      expect(verify('-purpose', 'sslserver')).toMatch(/unsuitable certificate purpose|unsupported certificate purpose/)
      expect(verify('-attime', String(now + 86_401))).toMatch(/certificate has expired/)
    })
  })
})

describe('DER', () => {
  it.each([
    [[0], '020100'],
    [[0, 0, 0x7f], '02017f'],
    [[0x80], '02020080'],
    [[0, 0xff, 1], '020300ff01'],
  ])('writes the number %j in its one form', (bytes, hex) => {
    expect(toHex(integer(Uint8Array.from(bytes)))).toBe(hex)
  })

  it('writes identifiers and both kinds of time', () => {
    expect(toHex(objectId('1.2.840.10045.4.3.2'))).toBe('06082a8648ce3d040302')
    expect(Buffer.from(time(2_524_607_999)).toString('latin1').slice(2)).toBe('491231235959Z')
    expect(Buffer.from(time(2_524_608_000)).toString('latin1').slice(2)).toBe('20500101000000Z')
  })
})
