import { expect, it } from '@jest/globals'
import { concat, sha256, utf8 } from '../../src/domain/bytes.js'
import { isConsistent, isIncluded } from '../../src/domain/log/merkle.js'
import { hasPublicVectors, readVectorJson, vectorNames } from './vector-folder.js'

interface Inclusion {
  readonly leafIdx: number
  readonly treeSize: number
  readonly root: string
  readonly leafHash: string
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}
interface Consistency {
  readonly size1: number
  readonly size2: number
  readonly root1: string
  readonly root2: string
  readonly proof: readonly string[] | null
  readonly wantErr: boolean
}

const bytes = (text: string | null): Uint8Array => new Uint8Array(Buffer.from(text ?? '', 'base64'))
const path = (proof: readonly string[] | null): Uint8Array[] => (proof ?? []).map(bytes)

if (hasPublicVectors('merkle')) {
  const names = vectorNames('merkle')
  const ofKind = (kind: string): string[] => names.filter((name) => name.startsWith(`${kind}_`))
  it('has cases of both kinds and no others', () => {
    expect(ofKind('inclusion').length + ofKind('consistency').length).toBe(names.length)
    expect([ofKind('inclusion').length, ofKind('consistency').length].every((count) => count > 10)).toBe(true)
  })

  it.each(ofKind('inclusion'))('%s', (name) => {
    const one = readVectorJson<Inclusion>('merkle', name)
    const answer = isIncluded(
      BigInt(one.leafIdx),
      BigInt(one.treeSize),
      bytes(one.leafHash),
      path(one.proof),
      bytes(one.root),
    )
    expect(answer).toBe(!one.wantErr)
  })

  it.each(ofKind('consistency'))('%s', (name) => {
    const one = readVectorJson<Consistency>('merkle', name)
    const sizes = [BigInt(one.size1), BigInt(one.size2)] as const
    expect(isConsistent(...sizes, path(one.proof), bytes(one.root1), bytes(one.root2))).toBe(!one.wantErr)
  })
}

it('follows a tree of three leaves by hand', () => {
  const leaf = (text: string): Uint8Array => sha256(concat(Uint8Array.of(0), utf8(text)))
  const node = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(concat(Uint8Array.of(1), left, right))
  const [a, b, c] = [leaf('a'), leaf('b'), leaf('c')]
  const root = node(node(a, b), c)
  expect(isIncluded(2n, 3n, c, [node(a, b)], root)).toBe(true)
  expect(isIncluded(1n, 3n, b, [a, c], root)).toBe(true)
  expect(isIncluded(1n, 3n, b, [c, a], root)).toBe(false)
  expect(isIncluded(3n, 3n, c, [node(a, b)], root)).toBe(false)
  expect(isConsistent(2n, 3n, [c], node(a, b), root)).toBe(true)
  expect(isConsistent(0n, 3n, [], new Uint8Array(32), root)).toBe(false)
})
