import { beforeAll, expect, it } from '@jest/globals'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { refusalOf, UpdateFixture } from '../../../test/support/update-fixture.js'
import { anchorState } from './trust-state.js'
import { strictAlgorithms } from '../cose/algorithms.js'
import { manifestSha256 } from '../suit/envelope.js'
import { encodeCbor } from '../cbor/encode.js'
import type { Krl } from './krl.js'
import { MAX_KRL_ENTRIES } from './take-krl.js'
import { acceptUpdate, type DeviceContext, type UpdateOffer } from './accept-update.js'
import type { TrustState } from './trust-state.js'

let fixture: UpdateFixture
beforeAll(async () => {
  fixture = await UpdateFixture.make({ root: { expires: 2 } })
})

/** Everything that a decision looks at. */
interface Situation {
  state: TrustState
  offer: UpdateOffer
  context: DeviceContext
}

it('asks its questions in the order of trust.md §5: with everything wrong the earliest step refuses, mended it is the next', async () => {
  const { trust } = fixture
  const nonce = new Uint8Array(16).fill(1)
  const log = { logKeys: ['log+1+key'], witnessKeys: [], quorum: 0 }
  const second = await trust.nextRoot({ expires: 3 })
  const living = { expires: trust.now + 86_400 }
  const third = await trust.nextRoot(living, second.root)
  const logged = await trust.nextRoot({ ...living, log }, second.root)
  const oversized = Array.from({ length: MAX_KRL_ENTRIES + 1 }, (_, index) => ({
    digest: index.toString(16).padStart(64, '0'),
    reason: 1,
  }))
  const good = await trust.signKrl(trust.krl())
  const listing = (change: Partial<Krl>) => trust.signKrl(trust.krl({ manifests: oversized, ...change }))
  const manifest = encodeCbor(new Map([[1, 1]]))
  const spoiled = { assignment: await fixture.assignment({ manifestSha256: manifestSha256(manifest) }) }
  const statement = { krlNumber: 1 }

  const now: Situation = {
    state: fixture.state,
    context: fixture.context({ namespace: 'gateway/dev', clockSeconds: null, nonce }),
    offer: {
      roots: [third.bytes],
      krl: await trust.signKrl(trust.krl({ manifests: oversized }), makeSoftKey()),
      freshness: null,
      assignment: null,
      envelope: null,
    },
  }
  const offer = (change: Partial<UpdateOffer>): void => void (now.offer = { ...now.offer, ...change })
  const withClock = fixture.context()
  const mends: [step: number, code: string, mend: () => Promise<void> | void][] = [
    [1, 'WRONG_NAMESPACE', () => void (now.context = { ...withClock, clockSeconds: null, nonce })],
    [2, 'ROOT_VERSION', () => offer({ roots: [second.bytes] })],
    [4, 'FRESHNESS_MISSING', () => void (now.context = withClock)],
    [5, 'ROOT_EXPIRED', () => offer({ roots: [second.bytes, logged.bytes] })],
    [6, 'KEY_UNKNOWN', async () => offer({ krl: await listing({ hardExpiry: trust.now }) })],
    [7, 'KRL_EXPIRED', async () => offer({ krl: await listing({}) })],
    [8, 'KRL_CAP', () => offer({ krl: good })],
    [9, 'FRESHNESS_MISSING', async () => offer({ freshness: await fixture.freshness(good, statement) })],
    [10, 'ASSIGNMENT_MISSING', () => offer(spoiled)],
    [11, 'CBOR_MALFORMED', async () => offer({ envelope: await fixture.envelope(manifest, []) })],
    [12, 'SIGNATURE_MISSING', async () => offer({ envelope: await fixture.envelope(manifest) })],
    [
      13,
      'MANIFEST_TEMPLATE',
      async () => offer({ assignment: await fixture.assignment(), envelope: await fixture.envelope() }),
    ],
    [14, 'PROOF_MISSING', () => offer({ roots: [second.bytes, third.bytes] })],
  ]
  for (const [step, code, mend] of mends) {
    expect(refusalOf(now.state, now.offer, now.context)).toMatchObject({ step, code })
    await mend()
  }
  const order = mends.map(([step]) => step)
  expect(order).toEqual(order.toSorted((one, other) => one - other))
  expect(() => refusalOf(now.state, now.offer, now.context)).toThrow('was accepted')
  // Nothing of it was kept by the state that was judged: states are values.
  expect(now.state).toEqual(anchorState(trust.rootBytes, strictAlgorithms))
})

it('keeps what an expired KRL revokes, also when it is refused for that; but nothing above the cap', async () => {
  const plain = await UpdateFixture.make()
  const sign = (change: Partial<Krl>) => plain.trust.signKrl(plain.trust.krl(change))
  const stolen = plain.trust.roleKey('manifest-a').keyIdHex
  const hardExpiry = plain.trust.now
  const expired = await sign({ hardExpiry, keys: [{ keyId: stolen, reason: 1, time: 0 }] })
  let state = plain.state
  const judge = async (krl: Uint8Array) => {
    const offer = await plain.offer({ krl })
    expect(() => acceptUpdate(state, offer, plain.context(), (next) => void (state = next))).toThrow(
      expect.objectContaining({ code: 'KRL_EXPIRED', step: 7 }) as never,
    )
  }
  await judge(expired)
  expect([...(state.krl?.keys.keys() ?? [])]).toEqual([stolen])
  const held = state
  const digests = Array.from({ length: MAX_KRL_ENTRIES }, (_, index) => index.toString(16).padStart(64, '0'))
  await judge(await sign({ number: 2, hardExpiry, manifests: digests.map((digest) => ({ digest, reason: 1 })) }))
  expect(state).toBe(held)
})
