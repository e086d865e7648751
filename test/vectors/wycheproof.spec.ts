import { describe, expect, it } from '@jest/globals'
import { fromHex } from '../../src/domain/bytes.js'
import {
  ED25519,
  ESP256,
  nativeAlgorithms,
  strictAlgorithms,
  type AlgorithmTable,
} from '../../src/domain/cose/algorithms.js'
import { coseKeyFromCbor, coseKeyToCbor, type CoseKey } from '../../src/domain/cose/cose-key.js'
import { hasPublicVectors, readVectorJson, vectorNames } from './vector-folder.js'

interface Vectors {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk?: string; readonly wx?: string; readonly wy?: string }
    readonly tests: readonly {
      readonly tcId: number
      readonly comment: string
      readonly msg: string
      readonly sig: string
      readonly result: 'valid' | 'invalid'
    }[]
  }[]
}

/** Their integers have a leading zero at times, or one byte too few. */
const coordinate = (hex: string | undefined): Uint8Array => fromHex((hex ?? '').replace(/^0+/, '').padStart(64, '0'))

const tables: readonly (readonly [string, AlgorithmTable])[] = [
  ['node:crypto', nativeAlgorithms],
  ['the strict table of devices', strictAlgorithms],
]

describe.each(tables)('by %s', (_, table) => {
  it('a signature of the wrong length is never valid, whatever the key', () => {
    const key: CoseKey = { kind: 'ed25519', x: new Uint8Array(32) }
    for (const length of [0, 63, 65])
      expect(table.get(ED25519)?.verify(key, new Uint8Array(1), new Uint8Array(length))).toBe(false)
  })
})

it('a small-order key is refused where keys are read, for both tables', () => {
  // The neutral element: one signature by it fits every message for verifiers that admit it.
  const x = new Uint8Array(32)
  x[0] = 1
  expect(() => coseKeyFromCbor(coseKeyToCbor({ kind: 'ed25519', x }))).toThrow(
    expect.objectContaining({ code: 'KEY_MALFORMED' }) as never,
  )
})

/** Cases in which a table disagrees with the published result, by number. */
function wrongCases(
  file: string,
  alg: number,
  keyOf: (group: Vectors['testGroups'][number]) => CoseKey,
  table: AlgorithmTable,
) {
  let count = 0
  const wrong: number[] = []
  for (const group of readVectorJson<Vectors>('wycheproof', file).testGroups) {
    const key = keyOf(group)
    for (const test of group.tests) {
      count += 1
      const isValid = table.get(alg)?.verify(key, fromHex(test.msg), fromHex(test.sig))
      if (isValid !== (test.result === 'valid')) wrong.push(test.tcId)
    }
  }
  return { count, wrong }
}

/** As the file counts itself. */
const numberOfTests = (file: string): number =>
  readVectorJson<{ numberOfTests: number }>('wycheproof', file).numberOfTests

if (hasPublicVectors('wycheproof')) {
  it('has no file that nothing below reads', () => {
    expect(vectorNames('wycheproof')).toEqual(['ecdsa_secp256r1_sha256_p1363_test.json', 'ed25519_test.json'])
  })

  describe.each(tables)('Wycheproof, by %s', (_, table) => {
    it('Ed25519: every valid one verifies and no other', () => {
      const keyOf = (group: Vectors['testGroups'][number]): CoseKey => ({
        kind: 'ed25519',
        x: fromHex(group.publicKey.pk ?? ''),
      })
      const { count, wrong } = wrongCases('ed25519_test.json', ED25519, keyOf, table)
      expect(wrong).toEqual([])
      expect(count).toBe(numberOfTests('ed25519_test.json'))
    })

    it('P-256 with SHA-256, r and s as in COSE: every valid one verifies and no other', () => {
      const keyOf = ({ publicKey }: Vectors['testGroups'][number]): CoseKey => ({
        kind: 'p256',
        x: coordinate(publicKey.wx),
        y: coordinate(publicKey.wy),
      })
      const { count, wrong } = wrongCases('ecdsa_secp256r1_sha256_p1363_test.json', ESP256, keyOf, table)
      expect(wrong).toEqual([])
      expect(count).toBe(numberOfTests('ecdsa_secp256r1_sha256_p1363_test.json'))
    })
  })
}
