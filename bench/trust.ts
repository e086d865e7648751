import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import { Decoder } from 'cbor-x'
import { toBase64Url, toHex } from '../src/domain/bytes.js'
import { decodeCbor } from '../src/domain/cbor/decode.js'
import { nativeAlgorithms } from '../src/domain/cose/algorithms.js'
import { parseSign1, sign1Message } from '../src/domain/cose/sign1.js'
import { encodeSuitDigest } from '../src/domain/suit/digest.js'
import { parseEnvelope } from '../src/domain/suit/envelope.js'
import { acceptUpdate } from '../src/domain/trust/accept-update.js'
import { encodeKrl, type RevokedKey } from '../src/domain/trust/krl.js'
import { labelOf, MAX_KRL_BYTES, MAX_KRL_ITEMS, type DocumentKind } from '../src/domain/trust/labels.js'
import { takeKrl } from '../src/domain/trust/take-krl.js'
import type { TrustState } from '../src/domain/trust/trust-state.js'
import { reachableBytes } from '../test/support/reachable-bytes.js'
import type { SoftKey } from '../test/support/soft-key.js'
import { UpdateFixture } from '../test/support/update-fixture.js'
import type { Benchmark, BenchmarkRow, BenchmarkSize } from './benchmark.js'
import { compareSpeeds } from './compare.js'

export const trustBenchmark: Benchmark = {
  name: 'trust',
  about: 'the judge of updates beside its bare signature verifications; our decoder beside cbor-x; a KRL in memory',
  async *rows(size) {
    const fixture = await UpdateFixture.make()
    yield await acceptUpdateRow(fixture, size)
    yield await decodeRow(fixture, 'decode', 500, size)
    yield await decodeRow(fixture, 'decode-1mib', 24_000, size)
    yield await heldKrlRow(fixture, size)
  },
}

const revokedKeys = (count: number, now: number): RevokedKey[] =>
  Array.from({ length: count }, (_, index) => ({
    keyId: toHex(new Uint8Array(Buffer.from(index.toString(16).padStart(64, '0'), 'hex'))),
    reason: index % 7,
    time: now - index,
  }))

/** A signature as a verifier that does nothing else would have it: key imported, message built. */
interface BareSignature {
  readonly key: KeyObject
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** What is compared is one decision about an update, with all it offers and no payload. */
async function acceptUpdateRow(fixture: UpdateFixture, size: BenchmarkSize): Promise<BenchmarkRow> {
  const { trust, state } = fixture
  const krl = await trust.signKrl(trust.krl({ keys: revokedKeys(3, trust.now) }))
  const offer = { ...(await fixture.offer({ krl })), krl }
  const context = fixture.context({ algorithms: nativeAlgorithms })
  const bare = [
    attached('krl', krl, trust.roleKey('krl')),
    attached('freshness', offer.freshness, trust.roleKey('freshness')),
    attached('assignment', offer.assignment, trust.roleKey('assignment')),
    block(offer.envelope, trust.roleKey('manifest-a')),
  ]
  return compareSpeeds({
    size,
    name: 'accept-update',
    unit: 'updates/s',
    unitsPerBatch: 1,
    ours: () => acceptUpdate(state, offer, context, () => undefined),
    reference: () => {
      for (const { key, message, signature } of bare)
        if (!verify(null, message, key, signature)) throw new Error('the reference does not verify')
    },
  })
}

function attached(kind: DocumentKind, bytes: Uint8Array | null, key: SoftKey): BareSignature {
  const parsed = parseSign1(bytes ?? new Uint8Array(0), MAX_KRL_BYTES)
  const message = sign1Message(parsed.protectedBytes, labelOf(kind), parsed.payload ?? new Uint8Array(0))
  return { key: importKey(key), message, signature: parsed.signature }
}

function block(bytes: Uint8Array | null, key: SoftKey): BareSignature {
  const envelope = parseEnvelope(bytes ?? new Uint8Array(0))
  const parsed = parseSign1(envelope.blocks[0] ?? new Uint8Array(0), MAX_KRL_BYTES)
  const digest = encodeSuitDigest(envelope.claimedSha256)
  return {
    key: importKey(key),
    message: sign1Message(parsed.protectedBytes, new Uint8Array(0), digest),
    signature: parsed.signature,
  }
}

const importKey = ({ key }: SoftKey): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: toBase64Url(key.x) }, format: 'jwk' })

/** Megabytes that a device may spend on a KRL of 500 entries, beside what it held without. */
const HELD_KRL_LIMIT_MB = 1

/** So many devices hold it that what the engine frees meanwhile does not matter. */
async function heldKrlRow({ trust, state }: UpdateFixture, size: BenchmarkSize): Promise<BenchmarkRow> {
  const krl = await trust.signKrl(trust.krl({ keys: revokedKeys(500, trust.now) }))
  const take = (): TrustState => takeKrl(state, krl, trust.now, nativeAlgorithms)
  const held = [take()]
  const before = reachableBytes()
  const count = size === 'small' ? 20 : 400
  while (held.length <= count) held.push(take())
  const ours = (reachableBytes() - before) / 1_000_000 / count
  if (held.some((each) => each.krl?.keys.size !== 500)) throw new Error('a device holds another KRL')
  return { name: 'held-krl', ours, reference: HELD_KRL_LIMIT_MB, ratio: HELD_KRL_LIMIT_MB / ours, unit: 'MB', n: count }
}

/** Both read the same KRL payload into maps, arrays and byte strings; ours also proves that it is canonical. */
function decodeRow(fixture: UpdateFixture, name: string, entries: number, size: BenchmarkSize): Promise<BenchmarkRow> {
  const payload = encodeKrl(fixture.trust.krl({ keys: revokedKeys(entries, fixture.trust.now) }))
  const other = new Decoder({ mapsAsObjects: false, useRecords: false })
  const batch = Math.ceil(200_000 / payload.length)
  const repeat = (decode: (bytes: Uint8Array) => unknown) => (): void => {
    for (let index = 0; index < batch; index += 1) decode(payload)
  }
  return compareSpeeds({
    size,
    name,
    unit: 'MB/s',
    unitsPerBatch: (batch * payload.length) / 1_000_000,
    ours: repeat((bytes) => decodeCbor(bytes, { maxBytes: MAX_KRL_BYTES, maxDepth: 4, maxItems: MAX_KRL_ITEMS })),
    reference: repeat((bytes) => other.decode(bytes)),
  })
}
