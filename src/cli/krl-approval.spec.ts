import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../test/support/cli-bench.js'
import { sha256, toBase64Url, toHex } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { parseSign1 } from '../domain/cose/sign1.js'
import { checkApproval } from '../domain/trust/check-approvals.js'
import { encodeKrl, parseKrl, type Krl } from '../domain/trust/krl.js'
import { MAX_KRL_BYTES } from '../domain/trust/labels.js'

let bench: CliBench
let newest: Uint8Array
const manifestKey = (): string => bench.trust.roleKey('manifest-a').keyIdHex
const heldEntry = { keyId: 'ab'.repeat(32), reason: 3, time: 100 }

beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
  newest = await bench.trust.signKrl(bench.trust.krl({ number: 4, keys: [heldEntry] }))
  bench.offer({ roots: [bench.trust.rootBytes], policy: bench.trust.policyBytes, krl: newest })
  bench.courier.on('POST /krl-requests', ({ body }) => {
    const { krl } = JSON.parse(Buffer.from(body).toString('utf8')) as { krl: string }
    return rowOf(krl)
  })
  bench.courier.on('POST /krl-requests/k5/approvals', () => rowOf(toBase64Url(encodeKrl(bench.trust.krl()))))
})
afterEach(() => bench.close())

function rowOf(krl: string): object {
  const subjectSha256 = toHex(sha256(new Uint8Array(Buffer.from(krl, 'base64url'))))
  return { id: 'k5', requestId: 'k5', number: 5, krl, subjectSha256, approvals: [], state: 'awaiting-approval' }
}

const revoke = (keyId: string) =>
  bench.run('keys', 'revoke', keyId, '--reason', 'compromise', '--yes', ...bench.keyOf('security-1'))

describe('keys revoke', () => {
  it('proposes the list after the verified one, with everything held, and approves it', async () => {
    const { exitCode, output } = await revoke(manifestKey().slice(0, 12))
    expect(exitCode).toBe(0)
    expect(output).toContain(`+ revokes key ${manifestKey()} (manifest-a): compromise`)
    const payload = new Uint8Array(Buffer.from(bench.courier.posted('/krl-requests')[0]?.['krl'] ?? '', 'base64url'))
    const { now } = bench.trust
    expect(parseKrl(payload)).toMatchObject({
      number: 5,
      keys: [heldEntry, { keyId: manifestKey(), reason: 1, time: now }],
      previousSha256: sha256(newest),
      hardExpiry: now + 90 * 86_400,
    })
    const approval = bench.courier.posted('/krl-requests/k5/approvals')[0]?.['approval'] ?? ''
    const { person } = checkApproval(
      new Uint8Array(Buffer.from(approval, 'base64url')),
      { operation: 'krl', subjectSha256: sha256(payload), requestId: 'k5', image: null, requester: null },
      {
        policy: bench.trust.policy,
        allowed: bench.trust.root.algorithms,
        revoked: new Map(),
        now,
        algorithms: nativeAlgorithms,
      },
    )
    expect(person).toBe('security-1')
  })

  it.each([
    ['a root key', () => bench.trust.rootKeys[0]?.keyIdHex ?? ''],
    ['the key that signs revocation lists', () => bench.trust.roleKey('krl').keyIdHex],
  ])('refuses %s', async (_, keyId) => {
    expect((await revoke(keyId())).errors[0]).toBe(`refused: KRL_ENTRY_FORBIDDEN (keyId=${keyId()})`)
  })

  it('refuses to build on an older list than it has seen', async () => {
    await bench.must('trust', 'update')
    const older = await bench.trust.signKrl(bench.trust.krl({ number: 3 }))
    bench.offer({ roots: [bench.trust.rootBytes], policy: bench.trust.policyBytes, krl: older })
    expect((await revoke(manifestKey())).errors[0]).toBe('refused: KRL_OLD (held=4 offered=3)')
  })

  it('renews under the smaller quorum when nothing is added', async () => {
    await bench.must('keys', 'renew', '--yes', ...bench.keyOf('security-1'))
    const bytes = new Uint8Array(
      Buffer.from(bench.courier.posted('/krl-requests/k5/approvals')[0]?.['approval'] ?? '', 'base64url'),
    )
    expect(Buffer.from(parseSign1(bytes, MAX_KRL_BYTES).payload ?? []).toString('latin1')).toContain('krl-renew')
  })
})

describe('keys approve, with a proposal that lies', () => {
  const good = (): Krl =>
    bench.trust.krl({
      number: 5,
      keys: [heldEntry, { keyId: manifestKey(), reason: 1, time: 1 }],
      previousSha256: sha256(newest),
    })
  const approve = async (krl: Krl, change: object = {}): Promise<string> => {
    bench.courier.on('GET /krl-requests/k5', () => ({ ...rowOf(toBase64Url(encodeKrl(krl))), ...change }))
    return (await bench.run('keys', 'approve', 'k5', '--yes', ...bench.keyOf('security-2'))).errors[0] ?? 'approved'
  }

  it('approves a good one', async () => {
    expect(await approve(good())).toBe('approved')
  })

  it.each<[string, () => Krl, string]>([
    ['leaves out what was revoked', () => ({ ...good(), keys: [] }), 'KRL_CONTENT (field=keys why=leaves out abab'],
    [
      'does not follow the newest',
      () => ({ ...good(), previousSha256: new Uint8Array(32) }),
      'KRL_CONTENT (field=previousSha256',
    ],
    ['has a number that was used', () => ({ ...good(), number: 4 }), 'KRL_OLD (held=4 offered=4)'],
    ['is of another epoch', () => ({ ...good(), epoch: 2 }), 'KRL_EPOCH (expected=1 found=2)'],
    [
      'lives longer than the root allows',
      () => ({ ...good(), hardExpiry: bench.trust.now + 200 * 86_400 }),
      'KRL_CONTENT (field=hardExpiry',
    ],
    [
      'revokes a root key',
      () => ({ ...good(), keys: [heldEntry, { keyId: bench.trust.rootKeys[0]?.keyIdHex ?? '', reason: 1, time: 1 }] }),
      'KRL_ENTRY_FORBIDDEN (keyId=',
    ],
  ])('refuses one that %s', async (_, krl, message) => {
    expect(await approve(krl())).toContain(`refused: ${message}`)
    expect(bench.courier.posted('/krl-requests/k5/approvals')).toEqual([])
  })

  it('refuses a digest that is not the list’s', async () => {
    expect(await approve(good(), { subjectSha256: '0'.repeat(64) })).toContain('refused: DIGEST_MISMATCH (what=krl')
  })
})
