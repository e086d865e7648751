import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { parseEnvelope } from '../../src/domain/suit/envelope.js'
import { RELEASE_FILE, ReleaseFileReader } from '../../src/signer/trust/release-file.js'
import { bytesIn, PeopleBench, refusalIn } from '../support/people-bench.js'
import { SignerFixture } from '../support/signer-fixture.js'

/** Server, database, both signers on their sockets and a PKCS#11 token; nothing stands in but the broker. */
describe('people, server and signers', () => {
  let signers: SignerFixture
  let bench: PeopleBench
  beforeAll(async () => {
    signers = await SignerFixture.make()
    await signers.start('release')
    await signers.start('online')
    const sockets = {
      releaseSigner: signers.config('release').SIGNER_SOCKET,
      onlineSigner: signers.config('online').SIGNER_SOCKET,
    }
    bench = await PeopleBench.start({ trust: signers.trust, sockets })
    await bench.begin()
  }, 60_000)
  afterAll(async () => {
    await bench.stop()
    await signers.dispose()
  })

  it('bring policy 1 and KRL 1 to the signers, and a freshness statement back', async () => {
    const { body } = await bench.call('GET', '/trust', 'auditor')
    expect([body['policy'], body['krl'], body['freshness']].every((document) => typeof document === 'string')).toBe(
      true,
    )
    expect(bench.publisher.published.at(-1)).toMatchObject({ krlNumber: 1 })
    expect(readdirSync(join(signers.folder, 'published')).sort((a, b) => a.localeCompare(b))).toEqual(
      expect.arrayContaining(['krl.cbor', 'policy.cbor', 'roots']),
    )
  })

  it('sign a release that the online signer then finds in its folder', async () => {
    const release = await bench.release()
    await bench.approve(release, 'manager-1')
    const signed = await bench.approve(release, 'manager-2')
    expect(signed).toMatchObject({ status: 200, body: { state: 'signed', lastRefusal: null } })
    const envelope = parseEnvelope(bytesIn(signed.body, 'envelope'))
    expect(toHex(envelope.claimedSha256)).toBe(release['manifestSha256'])
    const published = new ReleaseFileReader(join(signers.folder, 'published', RELEASE_FILE))
    expect(published.find(String(release['manifestSha256']))).toEqual(bytesIn(signed.body, 'envelope'))
  })

  it('continue after the number that the signer has signed', async () => {
    const before = await bench.release()
    const after = await bench.release()
    expect(Number(after['sequence'])).toBe(Number(before['sequence']) + 1)
  })

  it('take a next policy and a next root, and sign under them', async () => {
    const { bytes } = await signers.trust.nextRoot({})
    const root = { root: Buffer.from(bytes).toString('base64url') }
    expect(await bench.call('POST', '/trust/roots', 'security-officer', root)).toMatchObject({ body: { version: 2 } })
    const next = await signers.trust.nextPolicy({})
    expect(await bench.postPolicy(next.bytes)).toMatchObject({ body: { version: 2 } })
    const release = await bench.release()
    const stale = await bench.approve(release, 'manager-1')
    expect(refusalIn(stale)).toEqual({ status: 400, code: 'APPROVAL_MISMATCH', detail: { field: 'policyVersion' } })
    await bench.approve(release, 'manager-1', { policyVersion: 2 })
    expect((await bench.approve(release, 'manager-2', { policyVersion: 2 })).body).toMatchObject({ state: 'signed' })
  })

  it('revoke a key in one go, and the signer then refuses to use it', async () => {
    const keyId = signers.keyIds.get('manifest-a') ?? ''
    const previousSha256 = sha256(bytesIn((await bench.call('GET', '/trust', 'auditor')).body, 'krl'))
    const krl = signers.trust.krl({ number: 2, keys: [{ keyId, reason: 1, time: signers.trust.now }], previousSha256 })
    const { body } = await bench.requestKrl(krl)
    await bench.approveKrl(body, 'security-1', { policyVersion: 2 })
    const done = await bench.approveKrl(body, 'security-2', { policyVersion: 2 })
    expect(done.body).toMatchObject({ state: 'signed', number: 2 })
    const { quorum = 0, published = Infinity } = done.body['timesMs'] as Record<string, number>
    expect(published - quorum).toBeLessThan(2_000)
    const release = await bench.release()
    await bench.approve(release, 'manager-1', { policyVersion: 2 })
    const refused = await bench.approve(release, 'manager-2', { policyVersion: 2 })
    expect(refused).toMatchObject({ status: 409, body: { code: 'SIGNER_REFUSED', detail: { code: 'KEY_REVOKED' } } })
  })
})
