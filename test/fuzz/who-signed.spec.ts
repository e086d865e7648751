import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { equalBytes, toHex } from '../../src/domain/bytes.js'
import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { CborTag, type CborKey, type CborMap, type CborValue } from '../../src/domain/cbor/value.js'
import { COSE_SIGN_TAG } from '../../src/domain/cose/sign.js'
import { Refusal } from '../../src/domain/refusal.js'
import { makeSignedSamples } from './signed-samples.js'

const LIMITS = { maxBytes: 65_536, maxDepth: 8, tags: [COSE_SIGN_TAG, 107] }
const WRAPPER = 2

/** Where a document keeps its several signatures, and the same document with others. */
interface SignatureList {
  readonly items: readonly CborValue[]
  readonly withItems: (items: readonly CborValue[]) => Uint8Array
}

/** Of a COSE_Sign its fourth member; of an envelope what follows the digest in the authentication wrapper. */
function findList(bytes: Uint8Array): SignatureList | null {
  if (bytes[0] !== 0xd8) return null
  const { tag, value } = decodeCbor(bytes, LIMITS) as CborTag
  const wrap = (inner: CborValue): Uint8Array => encodeCbor(new CborTag(tag, inner))
  if (tag === COSE_SIGN_TAG) {
    const [header, unprotected, payload, items] = value as [CborValue, CborValue, CborValue, CborValue[]]
    return { items, withItems: (changed) => wrap([header, unprotected, payload, changed]) }
  }
  const members = new Map<CborKey, CborValue>(value as CborMap)
  const [digest = null, ...items] = decodeCbor(members.get(WRAPPER) as Uint8Array, LIMITS) as readonly CborValue[]
  const withItems = (changed: readonly CborValue[]): Uint8Array =>
    wrap(new Map([...members, [WRAPPER, encodeCbor([digest, ...changed])]]))
  return { items, withItems }
}

const samples = (await makeSignedSamples()).flatMap(({ name, bytes, open }) => {
  const list = findList(bytes)
  return list === null ? [] : [{ name, bytes, open, list }]
})
/** An item, to be compared. */
const textOf = (item: CborValue): string => toHex(encodeCbor(item))

/** Those of everybody, also over something else. */
const anybody = samples.flatMap(({ list }) => list.items)

/** Those that count under what a sample says: of a root also the third holder's, who did not sign the first sample. */
const goodOf = ({ name, list }: (typeof samples)[number]): readonly string[] => {
  const all = name.startsWith('root') ? samples.find((other) => other.name.startsWith('root that all')) : undefined
  return (all?.list ?? list).items.map(textOf)
}

const isAccepted = (open: () => unknown): boolean => {
  try {
    open()
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}

it('is about roots, policies, envelopes and key changes, most of them with more signatures than they need', () => {
  expect(samples.map(({ list }) => list.items.length).filter((count) => count > 2)).toHaveLength(3)
  expect(samples).toHaveLength(7)
})

it.each(samples.map((sample) => [sample.name, sample] as const))(
  '%s: who signed is said in one form, and by nobody who does not count',
  (_, sample) => {
    const { bytes, open, list } = sample
    const { items, withItems } = list
    expect(equalBytes(withItems(items), bytes)).toBe(true)
    expect(isAccepted(() => open(bytes))).toBe(true)
    const good = goodOf(sample)
    const anyItems = fc.array(
      fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...items) }, fc.constantFrom(...anybody)),
      {
        maxLength: items.length + 2,
      },
    )
    const oneMore = fc
      .tuple(fc.constantFrom(...anybody), fc.nat(items.length))
      .map(([more, at]) => [...items.slice(0, at), more, ...items.slice(at)])
    fc.assert(
      fc.property(fc.oneof(anyItems, oneMore, fc.shuffledSubarray([...items])), (changed) => {
        if (!isAccepted(() => open(withItems(changed)))) return
        // Fewer may be enough. What is there is good, and stands in its order, once.
        const places = changed.map((item) => good.indexOf(textOf(item)))
        expect(places).toEqual([...new Set(places)].toSorted((one, other) => one - other))
        expect(places).not.toContain(-1)
      }),
      { numRuns: 300 },
    )
  },
  60_000,
)
