import { describe, expect, it } from '@jest/globals'
import { makeCpio, makeSwu } from '../../../test/support/firmware/archives.js'
import { TestSigner } from '../../../test/support/firmware/cms-signer.js'
import { inspectBytes, patched, placeOf } from '../../../test/support/firmware/inspect-bytes.js'
import { content, rsaKey } from '../../../test/support/firmware/sample.js'
import { sha256Hex, utf8 } from '../../domain/bytes.js'

const payload = content(20_000)
const signer = rsaKey()
const bytes = await makeSwu({ payload, signer })
const described = (description: string): Uint8Array =>
  makeCpio([
    ['sw-description', utf8(description)],
    ['rootfs.img', payload],
  ])

it('says version, boards and files', async () => {
  expect(await inspectBytes(bytes, signer)).toMatchObject({
    state: 'whole',
    version: '1.4.0',
    target: { kind: 'product', names: ['gateway-b'] },
    signature: { state: 'verified', algorithm: 'rsa-pkcs1 sha256' },
    facts: { hardwareCompatibility: '1.0', 'rootfs.img bytes': 20_000 },
  })
})

it('reads descriptions in JSON, and hardware without boards', async () => {
  const software = {
    version: '2.0.0',
    'hardware-compatibility': ['rev-b', '#RE:^rev-[cd]$'],
    images: [{ filename: 'rootfs.img' }],
  }
  expect(await inspectBytes(described(JSON.stringify({ software })))).toMatchObject({
    state: 'whole',
    version: '2.0.0',
    target: { names: ['rev-b'] },
    facts: { hardwareCompatibility: 'rev-b, #RE:^rev-[cd]$' },
  })
})

it('takes versions in lists for those of what they install, and reads one that stands at the board alone', async () => {
  const image = 'images: ({ filename = "rootfs.img"; version = "7.0.0"; });'
  const found = await inspectBytes(described(`software = { gateway-b = { version = "2.0.0"; ${image} }; }`))
  expect(found).toMatchObject({ state: 'whole', version: '2.0.0', target: { names: ['gateway-b'] } })
})

it.each([
  ['a selection and its mode', 'stable = { copy1 = { images: ({ filename = "rootfs.img"; }); }; };', null],
  [
    'a board with selections',
    'board = { stable = { copy1 = { images: ({ filename = "rootfs.img"; }); }; }; };',
    'board',
  ],
  ['a board that refers to another', 'board = { ref = "#./../other"; };', 'board'],
])('tells %s', async (_, groups, board) => {
  const { state, target } = await inspectBytes(described(`software = { version = "1.4.0"; ${groups} }`))
  expect([state, target]).toEqual(['whole', board === null ? null : { kind: 'product', names: [board] }])
})

it('finds one changed byte of an image by its sum and by its sha256', async () => {
  const broken = await inspectBytes(patched(bytes, placeOf(bytes, payload), 0x55), signer)
  const faults = broken.faults.map((each) => each.split(':')[0])
  expect(faults).toEqual(['sum of rootfs.img differs', 'sha256 of rootfs.img differs'])
})

it.each([
  [
    'a file that is not there',
    'software = { version = "1.0.0"; images: ({ filename = "kernel"; }); }',
    'kernel is named',
  ],
  [
    'another version for a board',
    'software = { version = "1.4.0"; gateway-b = { version = "9.9.9"; stable = { main = { version = "1.4.0"; }; }; }; }',
    'it has another version for another device: 1.4.0, 9.9.9',
  ],
  [
    'another version for a selection',
    'software = { version = "1.4.0"; stable = { copy1 = { version = "9.9.9"; }; }; }',
    'it has another version for another device: 1.4.0, 9.9.9',
  ],
  ['a version that is a number', 'software = { version = 1.4; }', 'a version in its description is no text'],
  [
    'two hashes of one file',
    `software = { a = { images: ({ filename = "rootfs.img"; sha256 = "${'0'.repeat(64)}"; }); }; b = { images: ({ filename = "rootfs.img"; sha256 = "${'1'.repeat(64)}"; }); }; }`,
    'it says two sha256 of rootfs.img',
  ],
])('finds %s', async (_, description, fault) => {
  const { state, faults } = await inspectBytes(described(description))
  expect([state, faults[0]?.slice(0, fault.length)]).toEqual(['damaged', fault])
})

it.each([
  ['no software', 'firmware = { }', 'its description has no group "software"'],
  ['half a description', 'software = { version = "1.0', 'not understood from character 23'],
  ['a setting twice', 'software = { version = "1"; version = "2"; }', '"version" is set twice'],
  ['nesting without end', `software = ${'{ a = '.repeat(100)}`, 'its description is nested too deep'],
  ['what it includes', '@include "/dev/null" /*\nsoftware = { version = "1.4.0"; };\n*/', 'its description includes'],
  ['a file of the device', 'software = {\n@include "/etc/version"\n};', 'its description includes a file'],
  ['lists without end', `software = { a = ${'('.repeat(100_000)}`, 'its description'],
])('cannot read %s', async (_, description, why) => {
  const { state, faults } = await inspectBytes(described(description))
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})

it('cannot read an archive whose parts do not follow each other', async () => {
  const twice = makeCpio([
    ['sw-description', utf8('software = { }')],
    ['sw-description', utf8('software = { version = "1"; }')],
  ])
  expect((await inspectBytes(twice)).faults).toEqual(['it holds sw-description twice'])
  const hidden = new Uint8Array([...bytes, ...utf8('hidden')])
  expect((await inspectBytes(hidden)).faults).toEqual(['bytes hide behind the end of its archive'])
})

it('finds a signature that SWUpdate would not look for: it stands right behind what it signs', async () => {
  const description = utf8(`software = { files: ({ filename = "rootfs.img"; sha256 = "${sha256Hex(payload)}"; }); }`)
  const late = makeCpio([
    ['sw-description', description],
    ['rootfs.img', payload],
    ['sw-description.sig', content(256)],
  ])
  expect((await inspectBytes(late)).faults).toEqual(['sw-description.sig is not right behind what it signs'])
})

describe('a signature', () => {
  it('covers the description alone, so that has to name every hash', async () => {
    const description = utf8('software = { images: ({ filename = "rootfs.img"; }); }')
    const signed = makeCpio([
      ['sw-description', description],
      ['sw-description.sig', content(256)],
      ['rootfs.img', payload],
    ])
    expect((await inspectBytes(signed, signer)).faults).toEqual(['it is signed, and says no sha256 of rootfs.img'])
  })

  it('by CMS is bound to the description', async () => {
    const cms = await TestSigner.make()
    const good = await makeSwu({ payload, cms: (description) => cms.sign(description, true) })
    expect((await inspectBytes(good, cms.ca)).signature).toMatchObject({ state: 'verified', keyId: cms.ca.id })
    const other = await makeSwu({ payload, cms: (description) => cms.sign(utf8(`${description.length}`), true) })
    expect((await inspectBytes(other, cms.ca)).signature).toMatchObject({ state: 'invalid' })
    const inside = await makeSwu({ payload, cms: (description) => cms.sign(description, false) })
    expect((await inspectBytes(inside, cms.ca)).signature).toMatchObject({
      state: 'invalid',
      why: 'it brings a content of its own',
    })
  })
})

it('cannot be read with a name that a reader in C takes for another: it would install the first of two', async () => {
  const old = await makeSwu({ payload: content(9), version: '1.0.0', signer })
  const first = makeCpio([['sw-description\0x', utf8('software = { version = "1.0.0"; };')]])
  // Without the trailer of the first.
  const both = new Uint8Array([...first.subarray(0, first.length - 124), ...bytes])
  for (const evil of [both, new Uint8Array([...first, ...old])])
    expect(await inspectBytes(evil, signer)).toMatchObject({ state: 'unreadable', signature: { state: 'none' } })
  const { faults } = await inspectBytes(both, signer)
  expect(faults[0]).toContain('the name of the file at 0 does not end where it says')
})
