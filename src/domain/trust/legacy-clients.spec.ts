import { beforeAll, describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { CLASS_ID, TrustFixture } from '../../../test/support/trust-fixture.js'
import { toHex } from '../bytes.js'
import { cborMap, type CborValue } from '../cbor/value.js'
import { Fields } from './fields.js'
import { findLegacyRule, legacyToCbor, readLegacy, type LegacyClients } from './legacy-clients.js'
import { encodePolicy, parsePolicy, type Policy } from './policy.js'

const OTHER = new Uint8Array(16).fill(9)
const known = new Map([
  [toHex(CLASS_ID), []],
  [toHex(OTHER), []],
])
let policy: Policy
beforeAll(async () => {
  ;({ policy } = await TrustFixture.make())
})

it('reads what it writes, in a policy too', () => {
  const legacy: LegacyClients = new Map([['ddi', { classes: [toHex(CLASS_ID)], waived: ['bundle-signature'] }]])
  const fields = new Fields('policy', cborMap([[10, legacyToCbor(legacy)]]))
  expect(readLegacy(fields, 10, known)).toEqual(legacy)
  expect(parsePolicy(encodePolicy({ ...policy, legacy })).legacy).toEqual(legacy)
})

describe('lets in', () => {
  const withRule = (): Policy => ({ ...policy, legacy: new Map([['ddi', { classes: [toHex(CLASS_ID)], waived: [] }]]) })
  it('clients of a class that is named', () => {
    expect(findLegacyRule(withRule(), 'ddi', CLASS_ID)).toEqual({ classes: [toHex(CLASS_ID)], waived: [] })
  })
  it('none of another class, and none at all where the policy says nothing', () => {
    expect(findLegacyRule(withRule(), 'ddi', OTHER)).toBeNull()
    expect(findLegacyRule(policy, 'ddi', CLASS_ID)).toBeNull()
  })
})

describe('refuses', () => {
  it.each([
    ['a protocol it does not know', [['mqtt', [[CLASS_ID], []]]], 'unknown protocol'],
    ['a waiver it does not know', [['ddi', [[CLASS_ID], ['everything']]]], 'unknown waiver'],
    ['a waiver twice', [['ddi', [[CLASS_ID], ['bundle-signature', 'bundle-signature']]]], 'listed twice'],
    ['a class that the policy does not list', [['ddi', [[new Uint8Array(16)], []]]], 'a class that is not listed'],
    ['a class twice', [['ddi', [[CLASS_ID, CLASS_ID], []]]], 'listed twice'],
    ['a class id of another length', [['ddi', [[new Uint8Array(15)], []]]], 'not 16 bytes'],
    ['no class', [['ddi', [[], []]]], 'no class'],
    ['a rule of one', [['ddi', [[CLASS_ID]]]], 'not an array of 2'],
    ['an empty list', [], 'no protocol'],
  ] as [string, [string, CborValue][], string][])('%s', (_, rows, why) => {
    const fields = new Fields('policy', cborMap([[10, cborMap(rows)]]))
    expect(refusedBy(() => readLegacy(fields, 10, known))).toEqual({
      code: 'DOCUMENT_MALFORMED',
      detail: { document: 'policy', field: '10', why },
    })
  })
})
