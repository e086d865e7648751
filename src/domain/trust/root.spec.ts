import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { makeSoftKey } from '../../../test/support/soft-key.js'
import { TrustFixture } from '../../../test/support/trust-fixture.js'
import { fromHex } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import type { CborKey, CborValue } from '../cbor/value.js'
import { coseKeyToCbor } from '../cose/cose-key.js'
import { encodeRoot, parseRoot } from './root.js'

const { root, rootKeys, policyKeys } = await TrustFixture.make()
type Members = Map<CborKey, CborValue>
const [holder, policyHolder, stranger] = [rootKeys[0], policyKeys[0], makeSoftKey()]
if (holder === undefined || policyHolder === undefined) throw new Error('the fixture has no keys')

/** The root with one member as `change` makes it of what is there. */
function spoiled(change: (members: Members) => void): Uint8Array {
  const members: Members = new Map(decodeCbor(encodeRoot(root)) as Members)
  change(members)
  return encodeCbor(members)
}
const inside =
  (key: number, change: (map: Members) => void) =>
  (members: Members): void => {
    const map: Members = new Map(members.get(key) as Members)
    change(map)
    members.set(key, map)
  }
const log = (change: (map: Members) => void): ((members: Members) => void) => {
  const anchors: Members = new Map<CborKey, CborValue>([
    [1, ['log']],
    [2, []],
    [3, 0],
  ])
  change(anchors)
  return (members) => members.set(13, anchors)
}

it('is read back as it was written, with a log and without', () => {
  expect(parseRoot(encodeRoot(root))).toEqual(root)
  const logged = { ...root, log: { logKeys: ['log'], witnessKeys: ['w-1', 'w-2'], quorum: 1 } }
  expect(parseRoot(encodeRoot(logged))).toEqual(logged)
})

describe('refuses a root with', () => {
  const row = (key = holder): CborValue => [coseKeyToCbor(key.key), -19, 0, 1]
  const table: [name: string, change: (members: Members) => void, field: string, why: string][] = [
    ['another format', (m) => m.set(1, 2), '1', 'unknown format version'],
    ['no namespace', (m) => m.delete(2), '2', 'missing'],
    ['a namespace of one word', (m) => m.set(2, 'gateway'), '2', 'not a namespace'],
    ['a namespace in capitals', (m) => m.set(2, 'Gateway/prod'), '2', 'not a namespace'],
    ['a negative version', (m) => m.set(3, -1), '3', 'not an unsigned integer'],
    ['no end', (m) => m.delete(5), '5', 'missing'],
    ['no keys', (m) => m.set(6, new Map()), '6', 'no keys'],
    [
      "a key under another key's name",
      inside(6, (keys) => keys.set(fromHex('00'.repeat(32)), row(stranger))),
      '6',
      'a keyid is not the thumbprint of its key',
    ],
    ['a short key id', inside(6, (keys) => keys.set(new Uint8Array(31), row())), '6', 'not 32 bytes'],
    ['a named algorithm', inside(6, (keys) => replaceFirst(keys, 'Ed25519')), '6', 'an algorithm is not an integer'],
    ['an unknown role', inside(7, (roles) => roles.set('admin', [1, []])), '7', 'unknown role'],
    ['no role root', inside(7, (roles) => roles.delete('root')), '7', 'no role root'],
    [
      'a role of a key that is not listed',
      inside(7, (roles) => roles.set('log', [1, [stranger.keyId]])),
      '7',
      'a role names a key that is not listed',
    ],
    [
      'a key in two roles',
      inside(7, (roles) => roles.set('log', [1, [policyHolder.keyId]])),
      '7',
      'a key is named twice: one key, one role',
    ],
    [
      'a key twice in one role',
      inside(7, (roles) => roles.set('root', [2, [holder.keyId, holder.keyId]])),
      '7',
      'a key is named twice: one key, one role',
    ],
    ['threshold 0', inside(7, (roles) => roles.set('root', [0, [holder.keyId]])), '7', 'threshold out of range'],
    [
      'a threshold nobody meets',
      inside(7, (roles) => roles.set('root', [2, [holder.keyId]])),
      '7',
      'threshold out of range',
    ],
    ['an empty role', inside(7, (roles) => roles.set('root', [1, []])), '7', 'threshold out of range'],
    ['a floor of a short class', (m) => m.set(9, new Map([[new Uint8Array(15), 1]])), '9', 'not 16 bytes'],
    ['algorithms by name', (m) => m.set(11, ['Ed25519']), '6', 'an algorithm is not an integer'],
    ['a log without keys', log((map) => map.set(1, [])), '13', 'one or two log keys'],
    ['three log keys', log((map) => map.set(1, ['a', 'b', 'c'])), '13', 'one or two log keys'],
    ['a log member it does not know', log((map) => map.set(4, 0)), '4', 'unknown member'],
    ['a member it does not know', (m) => m.set(14, 0), '14', 'unknown member'],
    ['a member of a name', (m) => m.set('x', 0), 'x', 'unknown member'],
    ['a negative member', (m) => m.set(-1, 0), '-1', 'unknown member'],
    ['member 33, which shares a bit with member 1', (m) => m.set(33, 0), '33', 'unknown member'],
  ]
  it.each(table)('%s', (_, change, field, why) => {
    expect(refusedBy(() => parseRoot(spoiled(change)))).toEqual({
      code: 'DOCUMENT_MALFORMED',
      detail: { document: 'root', field, why },
    })
  })

  it('a key that is none', () => {
    const bytes = spoiled(inside(6, (keys) => keys.set(new Uint8Array(32), [0, -19, 0, 1])))
    expect(refusedBy(() => parseRoot(bytes))).toEqual({ code: 'KEY_MALFORMED', detail: { why: 'not a map' } })
  })

  it('more bytes than a document may have', () => {
    expect(refusedBy(() => parseRoot(new Uint8Array(65_537)))).toEqual({
      code: 'DOCUMENT_TOO_LARGE',
      detail: { document: 'root', sizeBytes: 65_537, limitBytes: 65_536 },
    })
  })
})

function replaceFirst(keys: Members, alg: CborValue): void {
  const [first] = keys
  if (first === undefined) throw new Error('the root has no keys')
  const [key] = first[1] as CborValue[]
  keys.set(first[0], [key ?? null, alg, 0, 1])
}
