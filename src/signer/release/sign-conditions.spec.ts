import { afterEach, describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { checkJournal } from '../../cli/journal-check.js'
import { sha256 } from '../../domain/bytes.js'
import type { PolicyLimits } from '../../domain/trust/policy-limits.js'
import type { SignerClient } from '../../server/signing/signer-client.js'
import { refusedBySigner } from '../../../test/support/refused-by-signer.js'
import { imageOf, piecesOf, SignerFixture, type ReleaseWish } from '../../../test/support/signer-fixture.js'
import type { FixtureOptions } from '../../../test/support/trust-fixture.js'

let fixture: SignerFixture
let release: SignerClient
const begin = async (options: FixtureOptions = {}): Promise<void> => {
  fixture = await SignerFixture.make(options)
  release = await fixture.start('release')
}
afterEach(() => fixture.dispose())

/** Hashes the image first, as a server does. */
async function sign(sequence: number, wish: ReleaseWish = {}): Promise<Uint8Array> {
  const image = imageOf(sequence)
  await release.hashImage(piecesOf(image), image.length)
  return (await release.request('sign', await fixture.signRequest(sequence, wish))).envelope
}

const keyOf = (role: string): string => fixture.keyIds.get(role) ?? ''

describe('revocation (check 10)', () => {
  it('refuses to sign before there is a KRL', async () => {
    await begin()
    await expect(sign(1)).rejects.toEqual(refusedBySigner('KRL_MISSING', 10))
  })

  it('refuses to sign past the hard expiry of the KRL', async () => {
    await begin()
    const krl = fixture.trust.krl({
      nextUpdate: fixture.clock.seconds + 50,
      hardExpiry: fixture.clock.seconds + 100,
    })
    await release.request('krl', await fixture.krlRequest(krl))
    fixture.clock.seconds += 100
    await expect(sign(1)).rejects.toEqual(refusedBySigner('KRL_EXPIRED', 10))
  })

  it.each(['manifest-a', 'manager-2', 'engineer-1'])('refuses once the key of %s is revoked', async (whose) => {
    await begin()
    const keyId = whose === 'manifest-a' ? keyOf(whose) : fixture.trust.person(whose).keyIdHex
    const keys = [{ keyId, reason: 1, time: fixture.clock.seconds }]
    await release.request('krl', await fixture.krlRequest(fixture.trust.krl({ keys })))
    const check = { 'manifest-a': 10, 'manager-2': 12, 'engineer-1': 5 }[whose] ?? 0
    await expect(sign(1)).rejects.toEqual(refusedBySigner('KEY_REVOKED', check))
  })

  it('goes by an emergency KRL as soon as a courier brings it', async () => {
    await begin()
    await fixture.signFirstKrl(release)
    const keys = [{ keyId: keyOf('manifest-a'), reason: 1, time: fixture.clock.seconds }]
    const krl = await fixture.trust.signKrl(fixture.trust.krl({ number: 1_001, keys }), fixture.trust.emergencyKey)
    await release.request('import', { trust: fixture.courier({ krl }) })
    expect(await release.request('status', {})).toMatchObject({ krlNumber: 1_001 })
    await expect(sign(1)).rejects.toEqual(refusedBySigner('KEY_REVOKED', 10))
  })

  it('keeps the revocation of a person when a new root comes', async () => {
    await begin()
    const keys = [{ keyId: fixture.trust.person('manager-2').keyIdHex, reason: 1, time: fixture.clock.seconds }]
    await release.request('krl', await fixture.krlRequest(fixture.trust.krl({ keys })))
    const next = await fixture.trust.nextRoot({})
    await release.request('import', { trust: fixture.courier({ roots: [next.bytes] }) })
    expect(await release.request('status', {})).toMatchObject({ rootVersion: 2 })
    await expect(sign(1)).rejects.toEqual(refusedBySigner('KEY_REVOKED', 12))
  })
})

describe('key life (check 15)', () => {
  it('refuses a key whose time is over, and signs with its successor from the day it is listed for', async () => {
    await begin()
    await fixture.signFirstKrl(release)
    const now = fixture.clock.seconds
    const old = keyOf('manifest-a')
    const successor = keyOf('freshness')
    const key = fixture.trust.root.keys.get(old)
    const other = fixture.trust.root.keys.get(successor)
    if (key === undefined || other === undefined) throw new Error('no keys')
    const roles = new Map(fixture.trust.root.roles)
    roles.delete('freshness')
    roles.set('manifest-a', { threshold: 1, keyIds: [old, successor] })
    const keys = new Map(fixture.trust.root.keys)
    keys.set(old, { ...key, notAfter: now + 100 }).set(successor, { ...other, notBefore: now + 200 })
    const { bytes } = await fixture.trust.nextRoot({ keys, roles })
    await release.request('import', { trust: fixture.courier({ roots: [bytes] }) })
    await sign(1)
    fixture.clock.seconds = now + 150
    await expect(sign(2)).rejects.toEqual(refusedBySigner('KEY_NOT_ACTIVE', 15))
    fixture.clock.seconds = now + 200
    await expect(sign(2)).resolves.toBeInstanceOf(Uint8Array)
  })

  it('refuses when the root lists no key of its token', async () => {
    await begin()
    await fixture.signFirstKrl(release)
    const roles = new Map(fixture.trust.root.roles)
    roles.set('manifest-a', { threshold: 1, keyIds: [fixture.trust.emergencyKey.keyIdHex] })
    roles.delete('emergency-krl')
    const { bytes } = await fixture.trust.nextRoot({ roles })
    await release.request('import', { trust: fixture.courier({ roots: [bytes] }) })
    await expect(sign(1)).rejects.toEqual(refusedBySigner('SIGNER_KEY_MISSING', 15))
  })

  it('refuses under a root that expired', async () => {
    await begin()
    await fixture.signFirstKrl(release)
    fixture.clock.seconds = fixture.trust.root.expires
    await expect(sign(1)).rejects.toEqual(refusedBySigner('ROOT_EXPIRED', 3))
  })
})

describe('rate and window (checks 13 and 14)', () => {
  it('signs as often in 24 hours as the policy lets a key, then no more', async () => {
    await begin({ policy: { limits: { signaturesPerDay: 2 } } })
    await fixture.signFirstKrl(release)
    await sign(1)
    await sign(2)
    await expect(sign(3)).rejects.toEqual(refusedBySigner('RATE_EXCEEDED', 14))
    fixture.clock.seconds += 86_400
    const approval = { notBefore: fixture.clock.seconds - 60, expires: fixture.clock.seconds + 60 }
    await expect(sign(3, { approval })).resolves.toBeInstanceOf(Uint8Array)
  })

  // A Thursday, 1970-01-01, was day 3 counted from Monday; the window is the day after now.
  const closed = (now: number): PolicyLimits => ({
    windows: [{ days: 1 << ((Math.floor(now / 86_400) + 4) % 7), fromSecond: 0, toSecond: 86_400 }],
  })

  it('refuses outside of the change windows', async () => {
    await begin({ policy: { limits: closed(Math.floor(Date.now() / 1000)) } })
    await fixture.signFirstKrl(release)
    await expect(sign(1)).rejects.toEqual(refusedBySigner('CHANGE_WINDOW_CLOSED', 13))
  })

  it('lets the break-glass quorum through, and nothing less', async () => {
    const limits = { ...closed(Math.floor(Date.now() / 1000)), breakGlass: '2 of release-manager and 1 of security' }
    await begin({ policy: { limits } })
    await fixture.signFirstKrl(release)
    await expect(sign(1)).rejects.toEqual(refusedBySigner('CHANGE_WINDOW_CLOSED', 13))
    const approvers = ['manager-1', 'manager-2', 'security-1']
    await expect(sign(1, { approvers })).resolves.toBeInstanceOf(Uint8Array)
    expect(fixture.log.some((line) => line.includes('"event":"signer.break-glass"'))).toBe(true)
    const { acts } = checkJournal(join(fixture.folder, 'release', 'journal'), fixture.trust.rootBytes)
    expect(acts.map(({ operation, isBreakGlass }) => ({ operation, isBreakGlass }))).toEqual([
      { operation: 'krl', isBreakGlass: false },
      { operation: 'sign', isBreakGlass: true },
    ])
  })
})

describe('clock (check 4)', () => {
  it('refuses a clock behind the last time seen', async () => {
    await begin()
    await fixture.signFirstKrl(release)
    fixture.clock.seconds -= 1
    await expect(sign(1)).rejects.toEqual(refusedBySigner('CLOCK_BEHIND', 4))
  })

  it('refuses a clock that was set an hour ahead, and goes on when it is set right', async () => {
    await begin()
    await fixture.signFirstKrl(release)
    fixture.clock.seconds += 3_601
    fixture.uptime.jumpSeconds = 3_601
    await expect(sign(1)).rejects.toEqual(refusedBySigner('CLOCK_JUMPED', 4))
    fixture.clock.seconds -= 3_601
    fixture.uptime.jumpSeconds = 0
    await expect(sign(1)).resolves.toBeInstanceOf(Uint8Array)
  })
})

describe('what the token does (checks 17 and 18)', () => {
  it('refuses a signature that does not verify with the key of the root, and the grant is spent', async () => {
    fixture = await SignerFixture.make()
    let isLying = false
    fixture.wrapToken = (token) => ({
      keys: () => token.keys(),
      close: () => token.close(),
      sign: async (keyId, algorithm, message) => token.sign(keyId, algorithm, isLying ? sha256(message) : message),
    })
    release = await fixture.start('release')
    await fixture.signFirstKrl(release)
    isLying = true
    const request = await fixture.signRequest(1)
    const image = imageOf(1)
    await release.hashImage(piecesOf(image), image.length)
    await expect(release.request('sign', request)).rejects.toEqual(refusedBySigner('SIGNATURE_INVALID', 18))
    isLying = false
    await expect(release.request('sign', request)).rejects.toEqual(refusedBySigner('SEQUENCE_OVERTAKEN', 9))
    await expect(sign(2, { requestId: request.requestId })).rejects.toEqual(refusedBySigner('REQUEST_SPENT', 16))
  })
})
