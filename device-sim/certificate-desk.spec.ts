import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { findBase64Url, utf8 } from '../src/domain/bytes.js'
import { parseSign1 } from '../src/domain/cose/sign1.js'
import { parseCertificateRequest } from '../src/domain/trust/certificate-request.js'
import { certificateOf, certificateToSign, type P256Key } from '../src/domain/x509/certificate.js'
import { makeP256Key } from '../test/support/soft-key.js'
import { CertificateDesk } from './certificate-desk.js'
import { DeviceKey } from './device-key.js'
import type { DeviceServer } from './device-server.port.js'

const NOW = 1_800_000_000
const LIFE_SECONDS = 30 * 86_400
const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const issuer = { organization: 'gateway/prod', commonName: 'device authority' }

function p256Of(jwk: { x?: string; y?: string }): P256Key {
  const [x, y] = [findBase64Url(jwk.x ?? ''), findBase64Url(jwk.y ?? '')]
  if (x === null || y === null) throw new Error('no P-256 key')
  return { kind: 'p256', x, y }
}

/** A certificate of that key, as an online signer would issue it. */
function issue(key: P256Key, change: (toSign: Uint8Array) => Uint8Array = (same) => same): Uint8Array {
  const toSign = certificateToSign({
    serial: new Uint8Array(16).fill(1),
    issuer,
    issuerKey: p256Of(authority.publicKey.export({ format: 'jwk' })),
    subject: { organization: 'gateway/prod', commonName: 'device-1' },
    key,
    notBefore: NOW,
    notAfter: NOW + LIFE_SECONDS,
    isAuthority: false,
  })
  const signature = sign('sha256', toSign, { key: authority.privateKey, dsaEncoding: 'ieee-p1363' })
  return certificateOf(change(toSign), new Uint8Array(signature))
}

/** Every digit of both dates is a nine: readable to nobody. */
function withoutDates(toSign: Uint8Array): Uint8Array {
  const copy = Buffer.from(toSign)
  for (const [index, byte] of copy.entries())
    if (byte === 0x17 && copy[index + 1] === 13) copy.fill(0x39, index + 2, index + 14)
  return new Uint8Array(copy)
}

let dir = ''
let now = NOW
let answer: (tlsKey: P256Key) => Uint8Array
let asked: P256Key[] = []
let desk: CertificateDesk
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'cs-certificate-'))
  now = NOW
  asked = []
  const key = DeviceKey.open(dir)
  const certify = async (_: string, request: Uint8Array) => {
    const { tlsKey } = parseCertificateRequest(parseSign1(request, 65_536).payload ?? new Uint8Array(0))
    asked.push(tlsKey)
    return { certificate: answer(tlsKey), authority: Uint8Array.of(0x30) }
  }
  const server = { certify } as unknown as DeviceServer
  desk = new CertificateDesk({ dir, namespace: 'gateway/prod', key: () => key, server, now: () => now })
})
afterEach(() => rmSync(dir, { recursive: true }))

describe('a device that asks for a certificate', () => {
  it.each([
    ['bytes that are no X.509', () => utf8('no certificate at all')],
    ['no bytes', () => new Uint8Array(0)],
    ['DER that is no certificate', () => Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05)],
    ['a certificate that is cut short', (key: P256Key) => issue(key).slice(0, -70)],
    ['a certificate of another key', () => issue(makeP256KeyOf())],
  ])('and gets %s has none, and asks again with the same key until it gets one', async (_, lie) => {
    answer = lie
    for (let times = 0; times < 2; times += 1) await desk.renewIfDue()
    expect(desk.current).toBeNull()
    expect(existsSync(join(dir, 'tls-identity'))).toBe(false)
    answer = issue
    await desk.renewIfDue()
    expect(desk.current?.cert).toMatch(/^-----BEGIN CERTIFICATE-----\n/)
    expect(asked).toHaveLength(3)
    expect(new Set(asked.map(({ x }) => Buffer.from(x).toString('hex'))).size).toBe(1)
  })

  it('keeps the one it has when the next answer is none', async () => {
    answer = issue
    await desk.renewIfDue()
    const held = desk.current
    now += (LIFE_SECONDS * 3) / 4
    answer = () => utf8('no certificate at all')
    await desk.renewIfDue()
    expect([asked.length, desk.current]).toEqual([2, held])
    answer = issue
    await desk.renewIfDue()
    expect(desk.current).not.toEqual(held)
  })

  it('shows none whose dates cannot be read, and asks for another', async () => {
    answer = (key) => issue(key, withoutDates)
    await desk.renewIfDue()
    expect(desk.current).toBeNull()
    answer = issue
    await desk.renewIfDue()
    expect(desk.current).not.toBeNull()
  })
})

function makeP256KeyOf(): P256Key {
  const { key } = makeP256Key()
  if (key.kind !== 'p256') throw new Error('another kind')
  return key
}
