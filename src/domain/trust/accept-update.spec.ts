import { beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { buildSign1 } from '../cose/sign1.js'
import { manifestSha256 } from '../suit/envelope.js'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { CLASS_ID } from '../../../test/support/trust-fixture.js'
import { refusalOf, UpdateFixture } from '../../../test/support/update-fixture.js'
import { acceptUpdate, type UpdateOffer } from './accept-update.js'
import { encodeKrl, type Krl } from './krl.js'
import { labelOf } from './labels.js'
import { decodeTrustState, encodeTrustState, type TrustState } from './trust-state.js'

let fixture: UpdateFixture
beforeAll(async () => {
  fixture = await UpdateFixture.make()
})

const signKrl = (change: Partial<Krl>): Promise<Uint8Array> => fixture.trust.signKrl(fixture.trust.krl(change))

it('accepts a good update, and stores each step on the way', async () => {
  const saved: TrustState[] = []
  const accepted = acceptUpdate(fixture.state, await fixture.offer(), fixture.context(), (state) => saved.push(state))
  expect(accepted.manifest.sequence).toBe(5)
  expect(accepted.assignment.rolloutId).toBe('rollout-1')
  expect(accepted.countedKeyIds).toEqual([fixture.trust.roleKey('manifest-a').keyIdHex])
  expect(saved.map((state) => [state.krl?.number, state.latestSeconds, state.freshness !== null])).toEqual([
    [1, fixture.trust.now - 10, false],
    [1, fixture.trust.now - 5, true],
  ])
})

it('keeps its state through storage', async () => {
  const { state } = acceptUpdate(fixture.state, await fixture.offer(), fixture.context(), () => undefined)
  expect(decodeTrustState(encodeTrustState(state))).toEqual(state)
})

describe('refuses, step by step', () => {
  const stranger = makeSoftKey()
  const unsignedManifest = async (): Promise<Uint8Array> => fixture.envelope(undefined, [])
  type Case = [
    name: string,
    step: number,
    code: string,
    spoil: () => Promise<Partial<UpdateOffer>> | Partial<UpdateOffer>,
  ]
  const cases: Case[] = [
    [
      'a KRL by a stranger',
      6,
      'KEY_UNKNOWN',
      async () => ({ krl: await fixture.trust.signKrl(fixture.trust.krl(), stranger) }),
    ],
    [
      'a KRL by the manifest key',
      6,
      'KEY_UNKNOWN',
      async () => ({ krl: await fixture.trust.signKrl(fixture.trust.krl(), fixture.trust.roleKey('manifest-a')) }),
    ],
    [
      'a KRL of another namespace',
      6,
      'WRONG_NAMESPACE',
      async () => ({ krl: await signKrl({ namespace: 'gateway/dev' }) }),
    ],
    ['a KRL of another epoch', 6, 'KRL_EPOCH', async () => ({ krl: await signKrl({ epoch: 2 }) })],
    [
      'a KRL that needs a later root',
      6,
      'KRL_NEEDS_ROOT',
      async () => ({ krl: await signKrl({ leastRootVersion: 2 }) }),
    ],
    [
      'a KRL that revokes a root key',
      6,
      'KRL_ENTRY_FORBIDDEN',
      async () => ({
        krl: await signKrl({ keys: [{ keyId: fixture.trust.rootKeys[0]?.keyIdHex ?? '', reason: 1, time: 0 }] }),
      }),
    ],
    [
      'a KRL signed under another label',
      6,
      'SIGNATURE_INVALID',
      async () => ({
        krl: await buildSign1(fixture.trust.roleKey('krl'), encodeKrl(fixture.trust.krl()), labelOf('freshness')),
      }),
    ],
    ['no KRL at all', 7, 'KRL_MISSING', () => ({ krl: null })],
    [
      'a KRL past its hard expiry',
      7,
      'KRL_EXPIRED',
      async () => ({ krl: await signKrl({ hardExpiry: fixture.trust.now }) }),
    ],
    [
      'a KRL older than the root allows',
      7,
      'KRL_EXPIRED',
      async () => ({ krl: await signKrl({ issued: fixture.trust.now - 90 * 86_400 }) }),
    ],
    ['no freshness statement', 9, 'FRESHNESS_MISSING', () => ({ freshness: null })],
    [
      'an expired freshness statement',
      9,
      'FRESHNESS_EXPIRED',
      async () => ({ freshness: await fixture.freshness(new Uint8Array(1), { expires: fixture.trust.now }) }),
    ],
    [
      'a freshness statement that lives too long',
      9,
      'FRESHNESS_LIFE',
      async () => ({ freshness: await fixture.freshness(new Uint8Array(1), { expires: fixture.trust.now + 86_396 }) }),
    ],
    [
      'a freshness statement from more than an hour ahead',
      9,
      'FRESHNESS_NOT_YET',
      async () => ({ freshness: await fixture.freshness(new Uint8Array(1), { time: fixture.trust.now + 3_601 }) }),
    ],
    [
      'a freshness statement that names a later KRL',
      9,
      'FRESHNESS_KRL',
      async () => ({ freshness: await fixture.freshness(new Uint8Array(1), { krlNumber: 2 }) }),
    ],
    [
      'a freshness statement that names a later root',
      9,
      'FRESHNESS_ROOT',
      async () => ({ freshness: await fixture.freshness(new Uint8Array(1), { rootVersion: 2 }) }),
    ],
    [
      'another KRL of the same number in the freshness statement',
      9,
      'KRL_EQUIVOCATION',
      async () => ({ freshness: await fixture.freshness(new Uint8Array(1)) }),
    ],
    ['no assignment', 10, 'ASSIGNMENT_MISSING', () => ({ assignment: null })],
    [
      'an assignment for another device',
      10,
      'ASSIGNMENT_OTHER_DEVICE',
      async () => ({ assignment: await fixture.assignment({ deviceId: 'ab'.repeat(32) }) }),
    ],
    [
      'an assignment that ended',
      10,
      'ASSIGNMENT_EXPIRED',
      async () => ({ assignment: await fixture.assignment({ expires: fixture.trust.now }) }),
    ],
    [
      'an assignment that begins later',
      10,
      'ASSIGNMENT_NOT_YET',
      async () => ({ assignment: await fixture.assignment({ notBefore: fixture.trust.now + 1 }) }),
    ],
    [
      'an assignment that lives too long',
      10,
      'ASSIGNMENT_LIFE',
      async () => ({ assignment: await fixture.assignment({ expires: fixture.trust.now + 86_400 }) }),
    ],
    [
      'an assignment that needs a KRL we do not hold',
      10,
      'ASSIGNMENT_NEEDS_KRL',
      async () => ({ assignment: await fixture.assignment({ leastKrlNumber: 2 }) }),
    ],
    [
      'an assignment by the freshness key',
      10,
      'KEY_UNKNOWN',
      async () => ({ assignment: await fixture.assignment({}, fixture.trust.roleKey('freshness')) }),
    ],
    ['no envelope', 11, 'CBOR_MALFORMED', () => ({ envelope: null })],
    ['an envelope that is too large', 11, 'DOCUMENT_TOO_LARGE', () => ({ envelope: new Uint8Array(65_537) })],
    [
      'another manifest than the assigned one',
      11,
      'DIGEST_MISMATCH',
      async () => ({ envelope: await fixture.envelope(fixture.manifest({ sequence: 6 })) }),
    ],
    [
      'a revoked manifest',
      11,
      'MANIFEST_REVOKED',
      async () => {
        const krl = await signKrl({ manifests: [{ digest: fixture.digestHex, reason: 4 }] })
        return { krl, freshness: await fixture.freshness(krl) }
      },
    ],
    ['an unsigned envelope', 12, 'SIGNATURE_MISSING', async () => ({ envelope: await unsignedManifest() })],
    [
      'a signature by a stranger',
      12,
      'KEY_UNKNOWN',
      async () => ({ envelope: await fixture.envelope(undefined, [stranger]) }),
    ],
    [
      'a signature by the krl key',
      12,
      'KEY_UNKNOWN',
      async () => ({ envelope: await fixture.envelope(undefined, [fixture.trust.roleKey('krl')]) }),
    ],
    [
      'a revoked manifest key',
      12,
      'KEY_REVOKED',
      async () => {
        const krl = await signKrl({
          keys: [{ keyId: fixture.trust.roleKey('manifest-a').keyIdHex, reason: 1, time: 0 }],
        })
        return { krl, freshness: await fixture.freshness(krl) }
      },
    ],
    [
      'an assigned sequence that is not the manifest’s',
      13,
      'ASSIGNMENT_SEQUENCE',
      async () => ({ assignment: await fixture.assignment({ sequence: 6 }) }),
    ],
    [
      'a sequence below the floor',
      13,
      'ROLLBACK',
      async () => {
        const krl = await signKrl({ floors: new Map([[toHex(CLASS_ID), 6]]) })
        return { krl, freshness: await fixture.freshness(krl) }
      },
    ],
  ]
  it.each(cases)('%s at step %i: %s', async (_, step, code, spoil) => {
    expect(refusalOf(fixture.state, await fixture.offer(await spoil()), fixture.context())).toMatchObject({
      code,
      step,
    })
  })

  it('an older release, a reused number; and takes the installed one again', async () => {
    const installed = (sequence: number, digest: string): TrustState => ({
      ...fixture.state,
      installedSequence: sequence,
      installedDigest: digest,
    })
    const offer = await fixture.offer()
    const other = 'cd'.repeat(32)
    expect(refusalOf(installed(6, other), offer, fixture.context())).toEqual({
      code: 'ROLLBACK',
      step: 13,
      detail: { offered: 5, floor: 6 },
    })
    expect(refusalOf(installed(5, other), offer, fixture.context())).toEqual({
      code: 'SEQUENCE_REUSED',
      step: 13,
      detail: { sequence: 5 },
    })
    expect(() => acceptUpdate(installed(5, fixture.digestHex), offer, fixture.context(), () => undefined)).not.toThrow()
  })

  it('a release for another class or vendor', async () => {
    const offer = await fixture.offer()
    const other = new Uint8Array(16).fill(9)
    expect(refusalOf(fixture.state, offer, fixture.context({ classId: other }))).toMatchObject({
      code: 'WRONG_CLASS',
      step: 13,
    })
    expect(refusalOf(fixture.state, offer, fixture.context({ vendorId: other }))).toMatchObject({
      code: 'WRONG_VENDOR',
      step: 13,
    })
  })

  it('a manifest with one more command, though it is signed and assigned', async () => {
    const spoiled = encodeCbor(
      new Map<number, number | Uint8Array>([
        [1, 1],
        [2, 5],
        [3, new Uint8Array(4)],
      ]),
    )
    const offer = await fixture.offer({
      envelope: await fixture.envelope(spoiled),
      assignment: await fixture.assignment({ manifestSha256: manifestSha256(spoiled) }),
    })
    expect(refusalOf(fixture.state, offer, fixture.context()).step).toBe(13)
  })
})

it('keeps what was taken before a refusal, so a withheld assignment cannot hide a KRL', async () => {
  const krl = await signKrl({ number: 3 })
  let state = fixture.state
  const offer = await fixture.offer({ krl, freshness: null })
  expect(() => acceptUpdate(state, offer, fixture.context(), (next) => void (state = next))).toThrow()
  expect(state.krl?.sha256).toBe(toHex(sha256(krl)))
})
