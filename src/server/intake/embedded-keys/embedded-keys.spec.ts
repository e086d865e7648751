import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench, refusalIn, type Reply } from '../../../../test/support/people-bench.js'
import { sha256Hex, toBase64Url } from '../../../domain/bytes.js'
import { EmbeddedKeys } from './embedded-keys.port.js'

const derOf = (key: KeyObject): Uint8Array => new Uint8Array(key.export({ format: 'der', type: 'spki' }))
const ed25519 = (): Uint8Array => derOf(generateKeyPairSync('ed25519').publicKey)
const ec = (namedCurve: string): Uint8Array => derOf(generateKeyPairSync('ec', { namedCurve }).publicKey)
const rsa = (modulusLength: number): Uint8Array => derOf(generateKeyPairSync('rsa', { modulusLength }).publicKey)

describe('embedded keys', () => {
  let bench: PeopleBench
  let folder = ''
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cs-embedded-'))
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(async () => {
    await bench.stop()
    rmSync(folder, { recursive: true })
  })

  /** A certificate made by OpenSSL, as people make theirs. */
  const certificate = (isCa: boolean): Uint8Array => {
    const out = join(folder, 'certificate.der')
    const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']
    const basic = `basicConstraints=critical,CA:${isCa ? 'TRUE' : 'FALSE'}`
    const files = ['-keyout', join(folder, 'key.pem'), '-outform', 'DER', '-out', out]
    execFileSync('openssl', [...words, '-subj', '/CN=signer', '-addext', basic, ...files], { stdio: 'ignore' })
    return new Uint8Array(readFileSync(out))
  }
  const register = (der: Uint8Array, label = 'boot'): Promise<Reply> =>
    bench.call('POST', '/embedded-keys', 'security-officer', { label, der: toBase64Url(der) })
  const listed = (): Promise<readonly { id: string }[]> =>
    bench.server.app.get(EmbeddedKeys).list(bench.trust.namespace)

  it.each([
    ['ed25519', ed25519],
    ['ecdsa-p256', () => ec('prime256v1')],
    ['ecdsa-p384', () => ec('secp384r1')],
    ['rsa', () => rsa(2_048)],
    ['x509-ca', () => certificate(true)],
  ])('of kind %s are known by the hash of their bytes', async (kind, make) => {
    const der = make()
    const id = sha256Hex(der)
    expect(await register(der)).toMatchObject({ status: 201, body: { id, kind, label: 'boot' } })
    const { body } = await bench.call('GET', '/embedded-keys', 'ci')
    expect(body['items']).toContainEqual(expect.objectContaining({ id, kind, der: toBase64Url(der) }))
    expect(await listed()).toContainEqual({ id, kind, label: 'boot', der })
  })

  it('are registered once, under the first label', async () => {
    const der = ed25519()
    await register(der, 'first')
    expect(await register(der, 'second')).toMatchObject({ status: 201, body: { label: 'first' } })
    expect((await listed()).filter((key) => key.id === sha256Hex(der))).toHaveLength(1)
  })

  it.each([
    ['a curve we do not read', () => ec('secp256k1'), 'a curve other than P-256 and P-384'],
    ['a short RSA key', () => rsa(1_024), 'an RSA key of fewer than 2048 bits'],
    ['a key for agreement', () => derOf(generateKeyPairSync('x25519').publicKey), /^a kind of key other/],
    ['the certificate of a signer', () => certificate(false), /^not the certificate of a CA/],
    ['bytes behind a key', () => Uint8Array.of(...ed25519(), 0), /^not the one canonical form/],
    ['bytes behind a certificate', () => Uint8Array.of(...certificate(true), 0), /canonical|neither/],
    ['no key at all', () => Uint8Array.of(1, 2, 3), /^neither a public key/],
    [
      'a private key',
      () => new Uint8Array(generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })),
      /^neither a public key/,
    ],
  ])('refuse %s', async (_, make, why) => {
    const reply = await register(make())
    const expected = typeof why === 'string' ? why : expect.stringMatching(why)
    expect(refusalIn(reply)).toEqual({ status: 400, code: 'REQUEST_INVALID', detail: { field: 'der', why: expected } })
  })

  it('go when they are removed, and the audit tells who did both', async () => {
    const der = ed25519()
    const id = sha256Hex(der)
    await register(der)
    expect((await bench.call('DELETE', `/embedded-keys/${id}`, 'security-officer')).status).toBe(204)
    expect((await listed()).some((key) => key.id === id)).toBe(false)
    const again = await bench.call('DELETE', `/embedded-keys/${id}`, 'security-officer')
    expect(refusalIn(again)).toEqual({ status: 404, code: 'NOT_FOUND', detail: { what: 'embedded key', id } })
    const { body } = await bench.call('GET', '/audit?limit=1000', 'auditor')
    const events = (body['items'] as { event: string; detail: { key?: string } }[]).filter((e) => e.detail.key === id)
    expect(events.map((each) => each.event)).toEqual(['embedded-key.registered', 'embedded-key.removed'])
  })

  it('of one namespace are none of another', async () => {
    await register(ed25519())
    expect(await bench.server.app.get(EmbeddedKeys).list('gateway/other')).toEqual([])
  })

  it('end at a hundred, also when two come at once', async () => {
    const before = (await listed()).length
    for (let count = before; count < 99; count += 1) await register(ed25519())
    const replies = await Promise.all([register(ed25519()), register(ed25519())])
    expect(replies.map((reply) => reply.status).sort((a, b) => a - b)).toEqual([201, 409])
    expect(await listed()).toHaveLength(100)
  }, 60_000)
})
