import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { IMAGE } from '../../../test/support/update-fixture.js'
import { CLASS_ID, VENDOR_ID } from '../../../test/support/trust-fixture.js'
import { sha256 } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { CborTag, type CborKey, type CborValue } from '../cbor/value.js'
import { encodeSuitDigest } from './digest.js'
import { manifestSha256 } from './envelope.js'
import { inspectEnvelope } from './inspect.js'
import { encodeManifest, parseManifest } from './manifest.js'

// The integers of the four drafts, written down here once more: the registry must say the same.
const commands = `1 condition-vendor-identifier, 2 condition-class-identifier, 3 condition-image-match, 4 condition-use-before,
  5 condition-component-slot, 6 condition-check-content, 7 condition-dependency-integrity, 8 condition-is-dependency,
  11 directive-process-dependency, 12 directive-set-component-index, 14 condition-abort, 15 directive-try-each,
  18 directive-write, 19 directive-set-parameters, 20 directive-override-parameters, 21 directive-fetch, 22 directive-copy,
  23 directive-invoke, 24 condition-device-identifier, 25 condition-image-not-match, 26 condition-minimum-battery,
  27 condition-update-authorized, 28 condition-version, 29 directive-wait, 31 directive-swap, 32 directive-run-sequence,
  33 directive-unlink, 34 directive-override-multiple, 35 directive-copy-params`
const parameters = `1 vendor-identifier, 2 class-identifier, 3 image-digest, 4 use-before, 5 component-slot, 12 strict-order,
  13 soft-failure, 14 image-size, 18 content, 19 encryption-info, 21 uri, 22 source-component, 23 invoke-args,
  24 device-identifier, 25 fetch-arguments, 26 minimum-battery, 27 update-priority, 28 version, 29 wait-info,
  30 component-metadata`
const sequences = `7 validate, 8 load, 9 invoke, 15 dependency-resolution, 16 payload-fetch, 18 candidate-verification,
  20 install, 24 uninstall`
const members = `1 version, 2 sequence-number, 3 common, 4 reference-uri, 5 manifest-component-id, 6 set-version, 14 coswid,
  23 text, ${sequences}`
const digests = '-16 SHA-256, -18 SHAKE128, -43 SHA-384, -44 SHA-512, -45 SHAKE256'
const texts = '1 manifest-description, 2 update-description, 3 manifest-json-source, 4 manifest-yaml-source'
const componentTexts = `1 vendor-name, 2 model-name, 3 vendor-domain, 4 model-info, 5 component-description,
  6 component-version, 7 version-required, 8 current-version`

const listed = (text: string): [number: number, name: string][] =>
  text.split(/,\s+/).map((row) => {
    const [number = '', name = ''] = row.trim().split(' ')
    return [Number(number), name]
  })

const digestOf = (algorithm: number): Uint8Array => encodeCbor([algorithm, new Uint8Array(32)])
const parameterValue = (number: number): CborValue => (number === 3 ? digestOf(-16) : number)
const everyParameter = new Map(listed(parameters).map(([number]) => [number, parameterValue(number)]))

/** An argument that its command may have, as far as the argument has a structure of its own. */
function argumentOf(command: number): CborValue {
  if (command === 19 || command === 20) return everyParameter
  if (command === 34) return new Map([[0, everyParameter]])
  if (command === 32) return encodeCbor([14, 15])
  return command === 15 ? [encodeCbor([14, 15]), null] : 15
}
const everyCommand = encodeCbor(listed(commands).flatMap(([number]) => [number, argumentOf(number)]))

function envelopeOf(manifest: Uint8Array, more: readonly (readonly [CborKey, CborValue])[] = []): Uint8Array {
  const wrapper = encodeCbor([encodeSuitDigest(manifestSha256(manifest))])
  return encodeCbor(new CborTag(107, new Map([[2, wrapper], [3, manifest], ...more])))
}

const text = new Map([
  [
    'en',
    new Map<CborKey, CborValue>([
      ...listed(texts).map(([number]): [number, string] => [number, `text ${number}`]),
      ['component', new Map(listed(componentTexts).map(([number]) => [number, `text ${number}`]))],
    ]),
  ],
])

const foreign = encodeCbor(
  new Map<CborKey, CborValue>([
    [1, 1],
    [2, 7],
    [
      3,
      encodeCbor(
        new Map<CborKey, CborValue>([
          [1, new Map()],
          [2, [[Uint8Array.of(0)]]],
          [4, everyCommand],
        ]),
      ),
    ],
    [4, 'https://vendor.example/manifest'],
    [5, [Uint8Array.of(0)]],
    [6, encodeCbor([1, 4, 0])],
    [14, [-16, new Uint8Array(32)]],
    ...listed(sequences).map(([number]): [number, CborValue] => [number, everyCommand]),
    [23, encodeCbor(text)],
  ]),
)

describe('every integer of the drafts is read and named', () => {
  const inspected = inspectEnvelope(envelopeOf(foreign, [['#payload', new Uint8Array(9)]]), null)

  it('members of the envelope and the manifest', () => {
    expect(Object.keys(inspected.sequences).toSorted()).toEqual(
      ['shared', ...listed(sequences).map(([, name]) => name)].toSorted(),
    )
    expect(inspected).toMatchObject({
      unknownMembers: [],
      setVersion: [1, 4, 0],
      referenceUri: 'https://vendor.example/manifest',
      severed: [{ member: 'coswid', present: false }],
      integratedPayloads: [{ name: '#payload', sizeBytes: 9 }],
    })
  })

  it.each(['shared', ...listed(sequences).map(([, name]) => name)])('commands in %s', (sequence) => {
    const found = inspected.sequences[sequence]?.map(({ number, name }) => [number, name])
    expect(found).toEqual(listed(commands))
  })

  it('parameters, of one component and of several', () => {
    const argument = (number: number): object => {
      const command = inspected.sequences['install']?.find((one) => one.number === number)
      return command?.argument as object
    }
    const names = listed(parameters).map(([, name]) => name)
    for (const number of [19, 20]) expect(Object.keys(argument(number))).toEqual(names)
    expect(Object.keys(Reflect.get(argument(34), '0') as object)).toEqual(names)
    expect(argument(32)).toEqual([{ number: 14, name: 'condition-abort', argument: 15 }])
    expect(argument(15)).toEqual([[{ number: 14, name: 'condition-abort', argument: 15 }], null])
  })

  it('texts', () => {
    const shown = (rows: string): object => Object.fromEntries(listed(rows).map(([n, name]) => [name, `text ${n}`]))
    expect(inspected.text).toEqual({
      en: { ...shown(texts), component: Object.fromEntries(listed(componentTexts).map(([n]) => [n, `text ${n}`])) },
    })
  })

  it.each(listed(digests))('digest %i, %s', (number, name) => {
    const parameter = new Map([[3, digestOf(number)]])
    const bytes = envelopeOf(
      encodeCbor(new Map<CborKey, CborValue>([[3, encodeCbor(new Map([[4, encodeCbor([20, parameter])]]))]])),
    )
    expect(inspectEnvelope(bytes, null).sequences['shared']?.[0]?.argument).toEqual({
      'image-digest': { algorithm: { number, name }, claimed: '00'.repeat(32) },
    })
  })
})

describe('and what our template does not admit is named', () => {
  const ours = encodeManifest({
    sequence: 5,
    vendorId: VENDOR_ID,
    classId: CLASS_ID,
    imageSha256: sha256(IMAGE),
    imageSizeBytes: IMAGE.length,
    version: '1.4.0',
    textSha256: new Uint8Array(32),
  })
  const change = (key: number, make: (value: CborValue) => CborValue): Uint8Array => {
    const manifest = new Map(decodeCbor(ours) as ReadonlyMap<CborKey, CborValue>)
    return encodeCbor(manifest.set(key, make(manifest.get(key) ?? null)))
  }
  const inside = (value: CborValue): CborValue => decodeCbor(value as Uint8Array)
  const detailOf = (bytes: Uint8Array): unknown => refusedBy(() => parseManifest(bytes)).detail
  const why = 'not in the template'
  const admitted = [3, 20, 21]

  it.each(listed(commands).filter(([number]) => !admitted.includes(number)))('command %i %s', (number, name) => {
    const spoiled = change(20, (value) => encodeCbor([...(inside(value) as CborValue[]), number, argumentOf(number)]))
    expect(detailOf(spoiled)).toEqual({ at: `install: command ${number} ${name}`, why })
  })

  it.each(listed(parameters).filter(([number]) => number !== 21))('parameter %i %s', (number, name) => {
    const spoiled = change(20, (value) => {
      const [override, values, ...rest] = inside(value) as CborValue[]
      return encodeCbor([
        override ?? null,
        new Map([...(values as Map<CborKey, CborValue>), [number, parameterValue(number)]]),
        ...rest,
      ])
    })
    expect(detailOf(spoiled)).toEqual({ at: `install: parameter ${number} ${name}`, why })
  })

  it.each(listed(members).filter(([number]) => ![1, 2, 3, 6, 7, 9, 20, 23].includes(number)))(
    'member %i %s',
    (number, name) => {
      expect(detailOf(change(number, () => 0))).toEqual({ at: `member ${number} ${name}`, why })
    },
  )
})

describe('a hostile envelope', () => {
  /** A sequence in a sequence in a sequence: bytes in bytes, so that the depth of CBOR stays small. */
  const nested = (depth: number): Uint8Array => {
    let sequence = encodeCbor([14, 15])
    for (let level = 1; level < depth; level += 1) sequence = encodeCbor([32, sequence])
    return sequence
  }
  const withInstall = (sequence: Uint8Array): Uint8Array =>
    envelopeOf(
      encodeCbor(
        new Map<CborKey, CborValue>([
          [3, encodeCbor(new Map())],
          [20, sequence],
        ]),
      ),
    )

  it('is read to sequences 16 deep, and no deeper', () => {
    expect(() => inspectEnvelope(withInstall(nested(16)), null)).not.toThrow()
    for (const depth of [17, 3_000])
      expect(refusedBy(() => inspectEnvelope(withInstall(nested(depth)), null))).toEqual({
        code: 'MANIFEST_TEMPLATE',
        detail: { at: 'install', why: 'sequences nested more than 16 deep' },
      })
  })
})
