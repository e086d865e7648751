import { describe, expect, it } from '@jest/globals'
import { findBase64Url, fromHex, toHex } from '../../src/domain/bytes.js'
import { decodeCbor } from '../../src/domain/cbor/decode.js'
import { CborTag, type CborMap, type CborValue } from '../../src/domain/cbor/value.js'
import type { CoseKey } from '../../src/domain/cose/cose-key.js'
import { inspectionAlgorithms } from '../../src/domain/cose/inspection-algorithms.js'
import { parseSign1, sign1Message } from '../../src/domain/cose/sign1.js'
import { signedHeader } from '../../src/domain/suit/inspect-block.js'
import { hasPublicVectors, readVectorJson, vectorNames } from './vector-folder.js'

interface Example {
  readonly fail?: boolean
  readonly input: {
    readonly sign0: {
      readonly key: { readonly kty: string; readonly x?: string; readonly x_hex?: string; readonly y?: string }
      readonly external?: string
    }
  }
  readonly intermediates: { readonly ToBeSign_hex: string }
  readonly output: { readonly cbor: string }
}

/** The examples sign with numbers that our tables leave out and unprotected key ids: read leniently, verified strictly. */
function open(
  bytes: Uint8Array,
): { header: Uint8Array; alg: number; payload: Uint8Array; signature: Uint8Array } | null {
  const value = decodeCbor(bytes, { maxBytes: 4_096, maxDepth: 6, tags: [18, 998] })
  if (!(value instanceof CborTag) || value.tag !== 18) return null
  const [header, unprotected, payload, signature] = value.value as readonly Uint8Array[]
  if (header === undefined || payload === undefined || signature === undefined) return null
  const inside = decodeCbor(header) as CborMap
  const outside = unprotected as CborValue as CborMap
  return { header, alg: Number(inside.get(1) ?? outside.get(1)), payload, signature }
}

function keyOf({ key }: Example['input']['sign0']): CoseKey {
  const coordinate = (text: string | undefined): Uint8Array => findBase64Url(text ?? '') ?? new Uint8Array(0)
  return key.kty === 'OKP'
    ? { kind: 'ed25519', x: fromHex(key.x_hex ?? '') }
    : { kind: 'p256', x: coordinate(key.x), y: coordinate(key.y) }
}

describe('COSE_Sign1', () => {
  it('of ours has an empty unprotected header and a known protected one', () => {
    const unprotected = fromHex('d28443a10132a1044231314054' + '54'.repeat(19))
    expect(() => parseSign1(unprotected, 4_096)).toThrow()
    expect(() => parseSign1(fromHex('d28440a0404100'), 4_096)).toThrow()
  })
})

if (hasPublicVectors('cose')) {
  describe.each(vectorNames('cose'))('published example %s', (name) => {
    const example = readVectorJson<Example>('cose', name)

    it('says by its name whether it has to fail', () => {
      expect(example.fail === true).toBe(name.startsWith('sign-fail-'))
    })
    const { sign0 } = example.input
    const bytes = fromHex(example.output.cbor)

    it(example.fail === true ? 'is refused' : 'verifies over the published bytes', () => {
      const opened = open(bytes)
      const message = opened && sign1Message(signedHeader(opened.header), fromHex(sign0.external ?? ''), opened.payload)
      const isValid =
        opened !== null &&
        message !== null &&
        inspectionAlgorithms.get(opened.alg)?.verify(keyOf(sign0), message, opened.signature) === true
      expect(isValid).toBe(example.fail !== true)
      if (isValid) expect(toHex(message).toUpperCase()).toBe(example.intermediates.ToBeSign_hex)
    })

    it('is no document of ours', () => {
      // Either its tag or key id is not ours, or a header has what we leave out.
      const code = example.output.cbor.startsWith('D903E6') ? 'CBOR_MALFORMED' : 'COSE_MALFORMED'
      expect(() => parseSign1(bytes, 4_096)).toThrow(expect.objectContaining({ code }) as never)
    })
  })
}
