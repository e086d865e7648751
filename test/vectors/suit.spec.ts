import { describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readEnvelopes } from '../../src/cli/envelope-file.js'
import { readPublicKey } from '../../src/cli/public-key-file.js'
import { fromHex, toHex } from '../../src/domain/bytes.js'
import { encodeCbor } from '../../src/domain/cbor/encode.js'
import { cborMap, CborTag, type CborValue } from '../../src/domain/cbor/value.js'
import { ED25519, nativeAlgorithms, strictAlgorithms } from '../../src/domain/cose/algorithms.js'
import { coseKeyToCbor, type CoseKey } from '../../src/domain/cose/cose-key.js'
import { parseSign1, sign1Message } from '../../src/domain/cose/sign1.js'
import { encodeSuitDigest } from '../../src/domain/suit/digest.js'
import { manifestSha256, parseEnvelope } from '../../src/domain/suit/envelope.js'
import { inspectEnvelope, type InspectedEnvelope } from '../../src/domain/suit/inspect.js'
import { hasPublicVectors, readVectorJson, readVectorText, vectorNames, vectorPath } from './vector-folder.js'

// The key of RFC 8032 §7.1, test 1, over the manifest of the first published example; checked with OpenSSL.
const goldenKey: CoseKey = {
  kind: 'ed25519',
  x: fromHex('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'),
}
const goldenDigest = '6658ea560262696dd1f13b782239a064da7c6c5cbaf52fded428a6fc83c7e5af'
const goldenMessage = `846a5369676e61747572653143a10132405824822f5820${goldenDigest}`
const goldenSignature =
  '3d4e957c437d9399acc67e19543ba3f4e16bdecda258ffdfa7618858c11c8425a8ca62336b8d1545b9f8e8b1884ed79b6d144ec633c2989bf40bd5d2c5f48f0e'
const eddsaSignature =
  'ee6010bed76659e490bcaf0f3713915a0de2d8e2316e6b875ff8e1a9506450ef9a3bed01fed88e2adc8a7b59fddcfc87a1dce7465100d6444c951513cbecdb0f'
const goldenManifest =
  'a50101020003585fa202818141000458568614a40150fa6b4a53d5ad5fdfbe9de663e4d41ffe02501492af1425695e48bf429b2d51f2ab45' +
  '035824822f582000112233445566778899aabbccddeeff0123456789abcdeffedcba98765432100e1987d0010f020f074382030f0943821702'
const envelopeOf = (header: string, signature: string): string =>
  `d86ba2025873825824822f5820${goldenDigest}584ad28443${header}a0f65840${signature}035871${goldenManifest}`
const goldenEnvelope = fromHex(envelopeOf('a10132', goldenSignature))
const eddsaEnvelope = fromHex(envelopeOf('a10127', eddsaSignature))

describe('the golden envelope', () => {
  it('hashes the manifest with its byte-string header', () => {
    expect(toHex(manifestSha256(fromHex(goldenManifest)))).toBe(goldenDigest)
  })

  it('signs the encoded digest, in the structure of RFC 9052', () => {
    const envelope = parseEnvelope(goldenEnvelope)
    const block = parseSign1(envelope.blocks[0] ?? new Uint8Array(0), 65_536)
    const message = sign1Message(block.protectedBytes, new Uint8Array(0), encodeSuitDigest(envelope.claimedSha256))
    expect(toHex(message)).toBe(goldenMessage)
    expect(block.alg).toBe(ED25519)
    for (const table of [nativeAlgorithms, strictAlgorithms]) {
      expect(table.get(ED25519)?.verify(goldenKey, message, block.signature)).toBe(true)
      expect(table.get(ED25519)?.verify(goldenKey, message.subarray(1), block.signature)).toBe(false)
    }
  })

  it('is inspected with its own number and with that of RFC 9053', () => {
    expect(inspectEnvelope(goldenEnvelope, goldenKey)).toMatchObject({
      version: 1,
      sequence: 0,
      digest: { claimed: goldenDigest, computed: goldenDigest, matches: true },
      components: [['00']],
      authentication: [
        { type: 'COSE_Sign1', algorithm: { number: -19, name: 'Ed25519' }, keyId: null, verifies: true },
      ],
    })
    expect(inspectEnvelope(eddsaEnvelope, goldenKey).authentication).toEqual([
      { type: 'COSE_Sign1', algorithm: { number: -8, name: 'EdDSA' }, keyId: null, verifies: true },
    ])
    // What may be looked at is not what is counted.
    expect([nativeAlgorithms.get(-8), nativeAlgorithms.get(-7), strictAlgorithms.get(-8)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('shows a changed manifest and a foreign key', () => {
    const changed = goldenEnvelope.map((byte, index) => (index === goldenEnvelope.length - 1 ? byte ^ 1 : byte))
    const inspected = inspectEnvelope(changed, goldenKey)
    expect(inspected.digest.matches).toBe(false)
    // The signature covers the digest that is claimed: it still verifies.
    expect(inspected.authentication[0]?.verifies).toBe(true)
    const other: CoseKey = { kind: 'p256', x: new Uint8Array(32).fill(1), y: new Uint8Array(32).fill(2) }
    expect(inspectEnvelope(goldenEnvelope, other).authentication[0]?.verifies).toBe(false)
    expect(inspectEnvelope(goldenEnvelope, null).authentication[0]?.verifies).toBe(null)
  })
})

describe('blocks of other kinds', () => {
  const none = new Map<number, CborValue>()
  const withBlock = (block: CborValue): Uint8Array =>
    encodeCbor(
      new CborTag(
        107,
        cborMap([
          [2, encodeCbor([encodeSuitDigest(fromHex(goldenDigest)), encodeCbor(block)])],
          [3, fromHex(goldenManifest)],
        ]),
      ),
    )

  it('are named: MACs cannot be checked by a public key, and a key id outside is shown', () => {
    const mac = new CborTag(17, [fromHex('a10105'), cborMap([[4, fromHex('3131')]]), null, new Uint8Array(32)])
    expect(inspectEnvelope(withBlock(mac), goldenKey).authentication).toEqual([
      { type: 'COSE_Mac0', algorithm: { number: 5, name: 'HMAC 256/256' }, keyId: '3131', verifies: null },
    ])
    const several = new CborTag(98, [
      new Uint8Array(0),
      none,
      null,
      [
        [fromHex('a10132'), none, new Uint8Array(64)],
        [fromHex('a10126'), none, new Uint8Array(64)],
      ],
    ])
    const rows = inspectEnvelope(withBlock(several), goldenKey).authentication
    expect(rows.map((row) => [row.type, row.algorithm.name, row.verifies])).toEqual([
      ['COSE_Sign', 'Ed25519', false],
      ['COSE_Sign', 'ES256', false],
    ])
  })

  it('are refused when they are no COSE object', () => {
    expect(() => inspectEnvelope(withBlock([1, 2]), null)).toThrow(
      expect.objectContaining({ code: 'ENVELOPE_BLOCK', detail: { why: 'not a tagged COSE object' } }) as never,
    )
  })
})

describe('public keys for inspection', () => {
  it('are read as raw hex, COSE_Key, and both in files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cs-pub-'))
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    const cose = encodeCbor(coseKeyToCbor(goldenKey))
    for (const argument of [
      toHex(goldenKey.x),
      file('raw', goldenKey.x),
      file('hex', `${toHex(goldenKey.x)}\n`),
      file('cose', cose),
      file('cose-hex', toHex(cose)),
    ])
      expect(readPublicKey(argument)).toEqual(goldenKey)
    rmSync(folder, { recursive: true })
  })
})

if (hasPublicVectors('suit')) {
  const expected = [
    ['example0.txt', 2, 0],
    ['example1.txt', 2, 1],
    ['example2.txt', 3, 2],
  ] as const

  describe.each(expected)('published example %s', (name, count, sequence) => {
    const key = readPublicKey(vectorPath('suit', 'public_key.pem'))
    const envelopes = readEnvelopes(Buffer.from(readVectorText('suit', name)), name)

    it('is read whole: unsigned, signed, severed', () => {
      expect(envelopes).toHaveLength(count)
      for (const bytes of envelopes) {
        const inspected = inspectEnvelope(bytes, key)
        expect(inspected).toMatchObject({ version: 1, sequence, components: [['00']], digest: { matches: true } })
        for (const { present, digest } of inspected.severed) expect(digest.matches).toBe(present ? true : null)
      }
    })

    it('verifies with its published key, by ES256', () => {
      const [unsigned, ...signed] = envelopes.map((bytes) => inspectEnvelope(bytes, key).authentication)
      expect(unsigned).toEqual([])
      for (const blocks of signed)
        expect(blocks).toEqual([
          { type: 'COSE_Sign1', algorithm: { number: -7, name: 'ES256' }, keyId: null, verifies: true },
        ])
    })
  })

  it('severed members of example 2 hash to what the manifest says, text by component included', () => {
    const bytes = readEnvelopes(Buffer.from(readVectorText('suit', 'example2.txt')), 'example2.txt')[2]
    const inspected = inspectEnvelope(bytes ?? new Uint8Array(0), null)
    expect(inspected.severed.map(({ member, digest }) => [member, digest.matches])).toEqual([
      ['install', true],
      ['text', true],
    ])
    expect(inspected.text).toMatchObject({ 'en-US': { '00': { 'vendor-domain': 'arm.com' } } })
  })

  it('has no file that nothing here reads', () => {
    const read = expected.flatMap(([text]) => [text.replace('.txt', '.json'), text])
    expect(vectorNames('suit')).toEqual([...read, 'public_key.pem'])
  })

  /** What an example was made from. */
  interface Source {
    readonly components: readonly {
      readonly 'install-id': readonly string[]
      readonly 'install-digest': { readonly 'digest-bytes': string }
      readonly 'install-size': number
      readonly 'vendor-id': string
      readonly 'class-id': string
      readonly uri?: string
      readonly description?: Readonly<Record<string, object>>
    }[]
    readonly 'manifest-version': number
    readonly 'manifest-sequence-number': number
    readonly 'reference-uri'?: string
    readonly description?: Readonly<Record<string, object>>
  }

  const readExample = (name: string) => {
    const source = readVectorJson<Source>('suit', name.replace('.txt', '.json'))
    const [component] = source.components
    if (component === undefined) throw new Error('no component')
    const envelopes = readEnvelopes(Buffer.from(readVectorText('suit', name)), name)
    return { source, component, inspected: envelopes.map((bytes) => inspectEnvelope(bytes, null)) }
  }
  const parametersOf = ({ sequences }: InspectedEnvelope, sequence: string): unknown =>
    sequences[sequence]?.find(({ number }) => number === 20)?.argument

  it.each(expected.map(([name]) => name))('%s says what its source says', (name) => {
    const { source, component, inspected } = readExample(name)
    const shared = {
      'vendor-identifier': component['vendor-id'],
      'class-identifier': component['class-id'],
      'image-digest': {
        algorithm: { number: -16, name: 'SHA-256' },
        claimed: component['install-digest']['digest-bytes'],
      },
      'image-size': component['install-size'],
    }
    for (const one of inspected) {
      expect(one).toMatchObject({
        version: source['manifest-version'],
        sequence: source['manifest-sequence-number'],
        referenceUri: source['reference-uri'] ?? null,
        components: [component['install-id']],
      })
      expect(parametersOf(one, 'shared')).toEqual(shared)
      // A severed install is not in the copy that leaves it out.
      if (one.sequences['install'] !== undefined) expect(parametersOf(one, 'install')).toEqual({ uri: component.uri })
    }
  })

  it('the texts of example 2 are those of its source', () => {
    const { source, component, inspected } = readExample('example2.txt')
    const texts = inspected.flatMap(({ text }) =>
      text === null ? [] : [text as Record<string, Record<string, object>>],
    )
    expect(texts.length).toBe(1)
    for (const { 'en-US': english = {} } of texts) {
      const { '00': ofComponent = {}, ...ofManifest } = english
      expect(ofManifest).toEqual(source.description?.['en-US'])
      // Two of the four texts of the component were left out when the example was made.
      expect(Object.keys(ofComponent).length).toBe(2)
      expect(component.description?.['en-US']).toMatchObject(ofComponent)
    }
  })
}
