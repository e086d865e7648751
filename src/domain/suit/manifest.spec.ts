import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { toHex } from '../bytes.js'
import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import type { CborKey, CborValue } from '../cbor/value.js'
import { encodeManifest, parseManifest, type Manifest } from './manifest.js'

const manifest: Manifest = {
  sequence: 7,
  vendorId: new Uint8Array(16).fill(1),
  classId: new Uint8Array(16).fill(2),
  imageSha256: new Uint8Array(32).fill(3),
  imageSizeBytes: 1_000,
  version: '1.4.0-rc.1',
  textSha256: new Uint8Array(32).fill(4),
}
const bytes = encodeManifest(manifest)
type Members = Map<CborKey, CborValue>

/** The manifest with one member as `change` makes it of what is there. */
function spoiled(change: (members: Members) => void): Uint8Array {
  const members: Members = new Map(decodeCbor(bytes) as Members)
  change(members)
  return encodeCbor(members)
}
/** Opens a byte-string member, changes what is inside, and closes it again. */
const inside =
  (key: number, change: (items: CborValue[]) => void) =>
  (members: Members): void => {
    const items = [...(decodeCbor(members.get(key) as Uint8Array) as CborValue[])]
    change(items)
    members.set(key, encodeCbor(items))
  }
const inCommon =
  (change: (common: Members) => void) =>
  (members: Members): void => {
    const common: Members = new Map(decodeCbor(members.get(3) as Uint8Array) as Members)
    change(common)
    members.set(3, encodeCbor(common))
  }
const inShared = (change: (commands: CborValue[]) => void): ((members: Members) => void) => inCommon(inside(4, change))
const inParameters = (change: (parameters: Members) => void): ((members: Members) => void) =>
  inShared((commands) => {
    const parameters: Members = new Map(commands[1] as Members)
    change(parameters)
    commands[1] = parameters
  })

it('is read back as it was written', () => {
  expect(parseManifest(bytes)).toEqual(manifest)
  expect(toHex(encodeManifest(parseManifest(bytes)))).toBe(toHex(bytes))
})

describe('refuses a manifest with', () => {
  const differs = 'differs from the template'
  const table: [name: string, change: (members: Members) => void, at: string, why: string][] = [
    ['another version of the format', (m) => m.set(1, 2), 'member 1 version', differs],
    ['no version', (m) => m.delete(1), 'member 1 version', 'missing'],
    ['sequence 0', (m) => m.set(2, 0), 'sequence-number', 'not positive'],
    ['a negative sequence', (m) => m.set(2, -1), 'sequence-number', 'negative'],
    ['no common', (m) => m.delete(3), 'member 3 common', 'missing'],
    ['common that is not wrapped', (m) => m.set(3, new Map()), 'common', 'not a byte string'],
    ['common without a sequence', inCommon((c) => c.delete(4)), 'common: member 4 shared-sequence', 'missing'],
    [
      'two components',
      inCommon((c) => c.set(2, [[Uint8Array.of(0)], [Uint8Array.of(1)]])),
      'common: member 2 components',
      'not the one component [00]',
    ],
    [
      'another component',
      inCommon((c) => c.set(2, [[Uint8Array.of(1)]])),
      'common: member 2 components',
      'not the one component [00]',
    ],
    ['dependencies', inCommon((c) => c.set(1, new Map())), 'common: member 1 dependencies', 'not in the template'],
    ['a vendor id of 15 bytes', inParameters((p) => p.set(1, new Uint8Array(15))), 'vendor-id', 'not 16 bytes'],
    ['no class id', inParameters((p) => p.delete(2)), 'shared-sequence: parameter 2 class-identifier', 'missing'],
    ['no image digest', inParameters((p) => p.delete(3)), 'shared-sequence: parameter 3 image-digest', 'missing'],
    [
      'an image digest by another algorithm',
      inParameters((p) => p.set(3, encodeCbor([-17, new Uint8Array(32)]))),
      'image-digest',
      'not a SHA-256 digest',
    ],
    ['no image size', inParameters((p) => p.delete(14)), 'shared-sequence: parameter 14 image-size', 'missing'],
    ['a negative image size', inParameters((p) => p.set(14, -1)), 'image-size', 'negative'],
    [
      'an expiry that would stop booting',
      inParameters((p) => p.set(4, 1_800_000_000)),
      'shared-sequence: parameter 4 use-before',
      'not in the template',
    ],
    [
      'strict order off',
      inParameters((p) => p.set(12, false)),
      'shared-sequence: parameter 12 strict-order',
      'not in the template',
    ],
    [
      'conditions the other way round',
      inShared((c) => c.splice(2, 4, 2, 15, 1, 15)),
      'shared-sequence: command 2 condition-class-identifier',
      'not in its place',
    ],
    [
      'no vendor condition',
      inShared((c) => c.splice(2, 2)),
      'shared-sequence: command 2 condition-class-identifier',
      'not in its place',
    ],
    [
      'another reporting policy',
      inShared((c) => c.splice(3, 1, 0)),
      'shared-sequence: command 1 condition-vendor-identifier',
      'reporting policy is not 15',
    ],
    [
      'one more shared command',
      inShared((c) => c.push(14, 15)),
      'shared-sequence: command 14 condition-abort',
      'not in the template',
    ],
    [
      'set-parameters for override',
      inShared((c) => c.splice(0, 1, 19)),
      'shared-sequence: command 19 directive-set-parameters',
      'not in the template',
    ],
    ['no set-version', (m) => m.delete(6), 'member 6 set-version', 'missing'],
    ['a version of words', inside(6, (v) => v.splice(0, 1, 'one')), 'set-version', 'not an integer'],
    [
      'validate that checks nothing',
      (m) => m.set(7, encodeCbor([])),
      'validate: command 3 condition-image-match',
      'missing',
    ],
    ['no validate', (m) => m.delete(7), 'member 7 validate', 'missing'],
    [
      'validate that gives up',
      inside(7, (c) => c.splice(0, 1, 14)),
      'validate: command 14 condition-abort',
      'not in the template',
    ],
    [
      'invoke with arguments',
      inside(9, (c) => c.unshift(20, new Map([[23, 'single-user']]))),
      'invoke: command 20 directive-override-parameters',
      'not in the template',
    ],
    ['a load step', (m) => m.set(8, encodeCbor([22, 2])), 'member 8 load', 'not in the template'],
    ['a second fetch', inside(20, (c) => c.push(21, 2)), 'install: command 21 directive-fetch', 'not in its place'],
    [
      'install without its check',
      inside(20, (c) => c.splice(4, 2)),
      'install: command 3 condition-image-match',
      'missing',
    ],
    [
      'another address',
      inside(20, (c) => c.splice(1, 1, new Map([[21, 'http://elsewhere/']]))),
      'member 20 install',
      differs,
    ],
    ['an install step that is severed', (m) => m.set(20, [-16, new Uint8Array(32)]), 'install', 'severed'],
    ['text that is not severed', (m) => m.set(23, encodeCbor(new Map())), 'text', 'not a SHA-256 digest'],
    ['no text', (m) => m.delete(23), 'member 23 text', 'missing'],
    ['a reference to elsewhere', (m) => m.set(4, 'http://elsewhere/'), 'member 4 reference-uri', 'not in the template'],
    ['payload-fetch', (m) => m.set(16, encodeCbor([])), 'member 16 payload-fetch', 'not in the template'],
    ['a member of its own', (m) => m.set(-257, 0), 'member -257 custom', 'not in the template'],
  ]
  it.each(table)('%s', (_, change, at, why) => {
    expect(refusedBy(() => parseManifest(spoiled(change)))).toEqual({ code: 'MANIFEST_TEMPLATE', detail: { at, why } })
  })

  it('a version that is no SemVer of ours', () => {
    const five = spoiled(inside(6, (version) => version.splice(3, 2, -4, 1)))
    expect(refusedBy(() => parseManifest(five))).toEqual({
      code: 'VERSION_MALFORMED',
      detail: { version: '1.4.0-undefined.1' },
    })
  })

  it('something around it', () => {
    expect(refusedBy(() => parseManifest(encodeCbor([])))).toEqual({
      code: 'MANIFEST_TEMPLATE',
      detail: { at: 'manifest', why: 'missing or not a map' },
    })
    expect(refusedBy(() => parseManifest(Uint8Array.of(...bytes, 0))).code).toBe('CBOR_MALFORMED')
  })
})
