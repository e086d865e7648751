import { beforeAll, describe, expect, it } from '@jest/globals'
import { makeP256Key, makeSoftKey, type SoftKey } from '../../../test/support/soft-key.js'
import { rootKeyOf } from '../../../test/support/trust-fixture.js'
import { UpdateFixture } from '../../../test/support/update-fixture.js'
import { concat, equalBytes, fromHex, sha256, toHex } from '../bytes.js'
import type { Refusal } from '../refusal.js'
import { acceptUpdate } from '../trust/accept-update.js'
import type { RootRole } from '../trust/root.js'
import type { KeyRole } from '../trust/roles.js'
import { ED25519, nativeAlgorithms, strictAlgorithms, type Algorithm, type AlgorithmTable } from './algorithms.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, keyIdOf, type CoseKey } from './cose-key.js'
import { isP256Point } from './p256-point.js'

/** Number and sizes of ML-DSA-65; what it computes is no signature at all, which is not what is tested here. */
const FAKE = -49
const SIGNATURE_BYTES = 3_309
const stretch = (key: CoseKey, message: Uint8Array): Uint8Array => {
  const block = sha256(concat(key.x, message))
  return concat(...Array.from({ length: 104 }, () => block)).slice(0, SIGNATURE_BYTES)
}
const fakeRow: Algorithm = {
  id: FAKE,
  name: 'fake ML-DSA-65',
  keyKind: 'akp',
  signatureBytes: SIGNATURE_BYTES,
  verify: (key, message, signature) =>
    key.kind === 'akp' && signature.length === SIGNATURE_BYTES && equalBytes(signature, stretch(key, message)),
  canonical: (signature) => signature,
}
const withThirdRow: AlgorithmTable = new Map([...strictAlgorithms, [FAKE, fakeRow]])

function makeFakeKey(fill = 9): SoftKey {
  const key: CoseKey = { kind: 'akp', alg: FAKE, x: new Uint8Array(1_952).fill(fill) }
  return {
    alg: FAKE,
    key,
    keyId: keyIdOf(key),
    keyIdHex: keyIdHexOf(key),
    sign: (message) => Promise.resolve(stretch(key, message)),
  }
}

describe('a third row in the table', () => {
  const newcomer = makeFakeKey()
  let fixture: UpdateFixture
  beforeAll(async () => {
    fixture = await UpdateFixture.make()
  })

  /** The root that lists the newcomer in a role, and an update that `signers` signed. */
  async function offer(allowed: readonly number[], signers: readonly SoftKey[], role: KeyRole = 'manifest-b') {
    const { trust } = fixture
    const roles = new Map<KeyRole, RootRole>(trust.root.roles)
    roles.set(role, { threshold: 1, keyIds: [...(roles.get(role)?.keyIds ?? []), newcomer.keyIdHex] })
    const keys = new Map(trust.root.keys).set(newcomer.keyIdHex, rootKeyOf(newcomer, trust.now))
    const next = await trust.nextRoot({ roles, keys, algorithms: allowed })
    return fixture.offer({ roots: [next.bytes], envelope: await fixture.envelope(undefined, signers) })
  }
  const both = (): SoftKey[] => [fixture.trust.roleKey('manifest-a'), newcomer]
  const accept = (offered: Awaited<ReturnType<typeof offer>>, algorithms: AlgorithmTable) =>
    acceptUpdate(fixture.state, offered, fixture.context({ algorithms }), () => undefined)
  const refusal = (code: string, step: number, detail: object): Error =>
    expect.objectContaining({ code, step, detail }) as never

  it('is counted like the others, without a change to anybody who calls', async () => {
    const accepted = accept(await offer([ED25519, FAKE], both()), withThirdRow)
    expect(new Set(accepted.countedKeyIds)).toEqual(new Set(both().map(({ keyIdHex }) => keyIdHex)))
  })
  it('is needed where the root lists its key', async () => {
    const offered = await offer([ED25519, FAKE], [fixture.trust.roleKey('manifest-a')])
    expect(() => accept(offered, withThirdRow)).toThrow(refusal('SIGNATURE_MISSING', 12, { role: 'manifest-b' }))
  })
  it('is refused by a root that does not allow it, and not counted by a verifier without the row', async () => {
    const disallowed = await offer([ED25519], both())
    expect(() => accept(disallowed, withThirdRow)).toThrow(refusal('ALGORITHM_NOT_ALLOWED', 12, { alg: FAKE }))
    const allowed = await offer([ED25519, FAKE], both())
    const uncounted = refusal('SIGNATURE_MISSING', 12, { role: 'manifest-b' })
    expect(() => accept(allowed, strictAlgorithms)).toThrow(uncounted)
  })
  it('is skipped by a verifier without the row where it is a surplus, as the root lists it and in no other way', async () => {
    const known = fixture.trust.roleKey('manifest-a')
    const surplus = (signers: readonly SoftKey[]) => offer([ED25519, FAKE], signers, 'manifest-a')
    const { countedKeyIds } = accept(await surplus(both()), strictAlgorithms)
    expect(countedKeyIds).toEqual([known.keyIdHex])
    // The same algorithm by a key that the root does not list, by one that it lists with another, and another by the listed key.
    const stranger = makeFakeKey(7)
    const unknown = refusal('KEY_UNKNOWN', 12, { keyId: stranger.keyIdHex, role: 'manifest-a or manifest-b' })
    const [unlisted, renamed] = [await surplus([known, stranger]), await surplus([{ ...known, alg: FAKE }])]
    expect(() => accept(unlisted, strictAlgorithms)).toThrow(unknown)
    expect(() => accept(renamed, strictAlgorithms)).toThrow(refusal('ALGORITHM_NOT_ALLOWED', 12, { alg: FAKE }))
    const other = await surplus([known, { ...newcomer, alg: FAKE - 1 }])
    expect(() => accept(other, strictAlgorithms)).toThrow(refusal('ALGORITHM_NOT_ALLOWED', 12, { alg: FAKE - 1 }))
  })
  it('has a key that is read back as written, bounded', () => {
    expect(coseKeyFromCbor(coseKeyToCbor(newcomer.key))).toEqual(newcomer.key)
    const oversized: CoseKey = { kind: 'akp', alg: FAKE, x: new Uint8Array(4_097) }
    expect(() => coseKeyFromCbor(coseKeyToCbor(oversized))).toThrow(
      expect.objectContaining({ code: 'KEY_MALFORMED', detail: { why: 'member -1 is not 1 to 4096 bytes' } }) as never,
    )
  })
})

describe('ESP256', () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const message = new Uint8Array(100).fill(5)

  it.each([
    ['OpenSSL', nativeAlgorithms],
    ['the strict table', strictAlgorithms],
  ])('is valid with both forms of S: %s', async (_, algorithms) => {
    const key = makeP256Key()
    const signature = await key.sign(message)
    const s = BigInt(`0x${toHex(signature.subarray(32))}`)
    const other = concat(signature.subarray(0, 32), fromHex((order - s).toString(16).padStart(64, '0')))
    const row = algorithms.get(key.alg)
    expect([row?.verify(key.key, message, signature), row?.verify(key.key, message, other)]).toEqual([true, true])
    expect(row?.verify(key.key, message.subarray(1), signature)).toBe(false)
    expect(row?.verify(makeSoftKey().key, message, signature)).toBe(false)
  })

  it('has keys on the curve, and no others are read', () => {
    const { key } = makeP256Key()
    if (key.kind !== 'p256') throw new Error('another kind')
    expect(isP256Point(key.x, key.y)).toBe(true)
    const off = Uint8Array.from(key.y)
    off[31] = (off[31] ?? 0) ^ 1
    const refused = expect.objectContaining({
      code: 'KEY_MALFORMED',
      detail: { why: 'not a point of P-256' },
    }) as unknown as Refusal
    // The point with coordinates of zero, one that misses the curve, and one that is written above the prime.
    const prime = fromHex('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff')
    for (const [x, y] of [
      [new Uint8Array(32), new Uint8Array(32)],
      [key.x, off],
      [key.x, prime],
      [new Uint8Array(32).fill(255), key.y],
    ] as const)
      expect(() => coseKeyFromCbor(coseKeyToCbor({ kind: 'p256', x, y }))).toThrow(refused)
  })

  it('of a coordinate written above the prime is refused although the point is on the curve', () => {
    // x = 5 lies on P-256 for some y only if 5³ − 3·5 + b is a square; 5 is one of those.
    const y = fromHex('459243b9aa581806fe913bce99817ade11ca503c64d9a3c533415c083248fbcc')
    const five = fromHex('5'.padStart(64, '0'))
    const p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
    expect(isP256Point(five, y)).toBe(true)
    expect(isP256Point(fromHex((p + 5n).toString(16)), y)).toBe(false)
  })
})
