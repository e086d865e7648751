import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { bytesIn, PeopleBench, refusalIn, type Reply } from '../../../test/support/people-bench.js'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { rootKeyOf, TrustFixture } from '../../../test/support/trust-fixture.js'
import { fromHex, toBase64Url, toHex } from '../../domain/bytes.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_ENVELOPE_BYTES, parseEnvelope } from '../../domain/suit/envelope.js'
import { ReleaseShelf } from '../rollout/release-shelf.service.js'

let bench: PeopleBench
let release: Reply['body']
const successor = makeSoftKey()

beforeAll(async () => {
  const trust = await TrustFixture.make()
  bench = await PeopleBench.start({ trust })
  await bench.begin()
  const keys = new Map(trust.root.keys).set(successor.keyIdHex, rootKeyOf(successor, trust.now))
  const { keyIdHex } = trust.roleKey('manifest-a')
  const roles = new Map(trust.root.roles).set('manifest-a', { threshold: 1, keyIds: [keyIdHex, successor.keyIdHex] })
  const { bytes } = await trust.nextRoot({ keys, roles })
  const root = { root: toBase64Url(bytes) }
  expect(await bench.call('POST', '/trust/roots', 'security-officer', root)).toMatchObject({ status: 200 })
  bench.signers.successor = successor
}, 60_000)
afterAll(() => bench.stop())

beforeEach(async () => {
  const awaiting = await bench.release()
  await bench.approve(awaiting, 'manager-1')
  release = (await bench.approve(awaiting, 'manager-2')).body
})

const path = (): string => `/releases/${String(release['id'])}/re-sign`
const open = (): Promise<Reply> => bench.call('POST', path(), 'approver')

async function approve(requestId: unknown, person: string, change: object = {}): Promise<Reply> {
  const fields = { operation: 're-sign', requestId: String(requestId), ...change }
  const approval = toBase64Url(await bench.approval(release, person, fields))
  return bench.call('POST', `${path()}/approvals`, 'approver', { approval })
}

const signerOf = (envelope: Uint8Array): string => {
  const [block = new Uint8Array(0)] = parseEnvelope(envelope).blocks
  return toHex(parseSign1(block, MAX_ENVELOPE_BYTES).keyId ?? new Uint8Array(0))
}

describe('re-sign', () => {
  it('replaces the envelope when the quorum approved, and devices are offered the new one', async () => {
    const shelf = bench.server.app.get(ReleaseShelf)
    const digest = fromHex(String(release['manifestSha256']))
    await shelf.findByManifest(bench.trust.namespace, digest)
    const { id } = (await open()).body
    expect((await approve(id, 'manager-1')).body).toMatchObject({ state: 'awaiting-approval' })
    const { body } = await approve(id, 'manager-2')
    expect(body).toMatchObject({ state: 'signed', lastRefusal: null, manifestSha256: release['manifestSha256'] })
    expect(signerOf(bytesIn(body, 'envelope'))).toBe(successor.keyIdHex)
    const shown = (await bench.call('GET', `/releases/${String(release['id'])}`, 'auditor')).body
    expect(shown).toMatchObject({ state: 'signed', sequence: release['sequence'], envelope: body['envelope'] })
    await new Promise((resolve) => setTimeout(resolve, 2_100))
    const offered = await shelf.findByManifest(bench.trust.namespace, digest)
    expect(toBase64Url(offered?.envelope ?? new Uint8Array(0))).toBe(body['envelope'])
  })

  it('has one open request: who comes second joins it', async () => {
    const [first, second] = await Promise.all([open(), open()])
    expect(first).toMatchObject({ status: 200, body: { state: 'awaiting-approval' } })
    expect(second.body['id']).toBe(first.body['id'])
  })

  it('refuses a release that is not signed', async () => {
    release = await bench.release()
    const detail = { what: 'release', state: 'awaiting-approval', wanted: 'signed' }
    expect(refusalIn(await open())).toEqual({ status: 409, code: 'STATE', detail })
  })

  it.each<[string, object, string]>([
    ['of operation sign', { operation: 'sign' }, 'operation'],
    ['of the first signature', { requestId: 'the first' }, 'requestId'],
    ['of another manifest', { subjectSha256: new Uint8Array(32) }, 'subject'],
  ])('refuses an approval %s', async (_, change, field) => {
    const { id } = (await open()).body
    expect(refusalIn(await approve(id, 'manager-1', change))).toEqual({
      status: 400,
      code: 'APPROVAL_MISMATCH',
      detail: { field },
    })
  })

  it('keeps what the signer refused, and the envelope that there was, until somebody approves again', async () => {
    const { id } = (await open()).body
    await approve(id, 'manager-1')
    bench.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'KEY_NOT_NEWER', check: 9 })
    await approve(id, 'manager-2')
    expect((await bench.call('GET', path(), 'auditor')).body).toMatchObject({
      state: 'awaiting-approval',
      lastRefusal: { code: 'KEY_NOT_NEWER', check: 9 },
      envelope: release['envelope'],
    })
    const { body } = await approve(id, 'manager-1', { notBefore: bench.trust.now - 30 })
    expect(body).toMatchObject({ state: 'signed', lastRefusal: null })
  })

  it('does not store an envelope that devices would refuse', async () => {
    const { id } = (await open()).body
    await approve(id, 'manager-1')
    bench.signers.successor = makeSoftKey()
    await approve(id, 'manager-2')
    bench.signers.successor = successor
    expect((await bench.call('GET', path(), 'auditor')).body).toMatchObject({
      state: 'awaiting-approval',
      envelope: release['envelope'],
    })
  })

  it('lets machines ask and never approve', async () => {
    expect(await bench.call('POST', path(), 'ci')).toMatchObject({ status: 200 })
    const approval = toBase64Url(await bench.approval(release, 'manager-1', { operation: 're-sign' }))
    expect(await bench.call('POST', `${path()}/approvals`, 'ci', { approval })).toMatchObject({ status: 403 })
  })
})
