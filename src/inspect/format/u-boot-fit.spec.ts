import { expect, it } from '@jest/globals'
import { makeFdt, makeFit } from '../../../test/support/firmware/fit-image.js'
import { inspectBytes, patched, placeOf } from '../../../test/support/firmware/inspect-bytes.js'
import { utf8 } from '../../domain/bytes.js'
import { big, content, rsaKey } from '../../../test/support/firmware/sample.js'

const payload = content(3_000)
const signer = rsaKey()
const image = makeFit(payload, signer)

it('says images, configurations and boards', async () => {
  expect(await inspectBytes(image, signer)).toMatchObject({
    state: 'whole',
    target: { kind: 'product', names: ['gateway-b'] },
    signature: { state: 'verified', algorithm: 'sha256,rsa2048' },
    facts: { description: 'gateway 1.4.0', images: 'kernel', configurations: 'conf-1', default: 'conf-1' },
  })
})

it('is told from a device tree that describes hardware', async () => {
  expect((await inspectBytes(makeFdt({ compatible: 'acme,board', cpus: {} }))).format).toBe('unknown')
})

it.each([
  ['inside', image],
  ['outside', makeFit(payload, signer, true)],
])('finds one changed byte of data %s the tree', async (_, bytes) => {
  const broken = patched(bytes, placeOf(bytes, payload) + 2_999, 0x77)
  const { state, faults, signature } = await inspectBytes(broken, signer)
  expect([state, faults[0]?.slice(0, 24), signature.state]).toEqual(['damaged', 'sha256 of kernel differs', 'present'])
})

it('says which hashes and signatures it does not know', async () => {
  const value = new Uint8Array(32)
  const tree = makeFdt({
    images: {
      kernel: { data: payload, 'hash-1': { algo: 'blake3', value }, 'signature-1': { algo: 'sha1,rsa1024', value } },
    },
  })
  expect(await inspectBytes(tree, signer)).toMatchObject({
    state: 'whole',
    signature: { state: 'present' },
    notChecked: ['hash-1 of kernel: blake3', 'images/kernel/signature-1: sha1,rsa1024 is not verified here'],
  })
})

it('counts one image without a signature as none of them signed', async () => {
  const value = new Uint8Array(256)
  const tree = makeFdt({
    images: { a: { data: payload, 'signature-1': { algo: 'sha256,rsa2048', value } }, b: { data: payload } },
  })
  expect((await inspectBytes(tree, signer)).signature).toMatchObject({ state: 'present' })
})

it.each([
  [
    'data in two places',
    { 'data-size': 4, 'data-offset': 0, 'data-position': 0 },
    'image a has its data in two places',
  ],
  [
    'data inside and behind the tree',
    { data: payload, 'data-offset': 0, 'data-size': 4 },
    'image a has its data in two',
  ],
  ['data inside and at a place', { data: payload, 'data-position': 0 }, 'image a has its data in two places'],
  ['data outside the file', { 'data-size': 4_000_000, 'data-offset': 0 }, 'truncated'],
])('cannot read %s', async (_, image, why) => {
  const { state, faults } = await inspectBytes(makeFdt({ images: { a: image } }))
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})

const kernel = { data: payload, 'hash-1': { algo: 'crc32', value: new Uint8Array(4) } }
it.each([
  ['a property twice', [{ name: 'kernel', content: [['data', utf8('other')], ...Object.entries(kernel)] }]],
  ['a property behind a node', [{ name: 'kernel', content: [...Object.entries(kernel).toReversed()] }]],
  [
    'an image twice',
    [
      { name: 'kernel', content: Object.entries(kernel) },
      { name: 'kernel', content: [] },
    ],
  ],
  [
    'an image that is found for another',
    [
      { name: 'kernel@1', content: [] },
      { name: 'kernel', content: [] },
    ],
  ],
] as const)('cannot read %s: libfdt takes the first', async (_, images) => {
  const nodes = images.map(({ name, content: entries }) => [name, entries] as const)
  const { format, state, faults } = await inspectBytes(makeFdt({ images: nodes }))
  expect([format, state, faults[0]?.includes('is there twice')]).toEqual(['u-boot-fit', 'unreadable', true])
})

it('finds a configuration that names an image which is not there', async () => {
  const tree = makeFdt({
    images: { kernel: { data: payload } },
    configurations: { 'conf-1': { kernel: 'kernel', loadables: utf8('kernel\0tee\0') } },
  })
  expect((await inspectBytes(tree)).faults).toEqual(['conf-1 names an image that is not there: tee'])
})

it('reads no more than a few times its size, however often its images point to the same bytes', async () => {
  const place = { 'data-size': 1_000_000, 'data-offset': 0, 'hash-1': { algo: 'sha256', value: new Uint8Array(32) } }
  const images = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`image-${index}`, place]))
  const { state, faults } = await inspectBytes(new Uint8Array([...makeFdt({ images }), ...content(1_000_004)]))
  expect([state, faults[0]]).toEqual(['unreadable', 'its tables ask for the same bytes too often'])
})

it('does not follow a tree that is nested without end', async () => {
  const [begin, end] = [
    [0, 0, 0, 1, 0x61, 0, 0, 0],
    [0, 0, 0, 2],
  ]
  const struct = Uint8Array.from([...Array(5_000).fill(begin).flat(), ...Array(5_000).fill(end).flat(), 0, 0, 0, 9])
  const header = big(
    ...[0xd00dfeed, 56 + struct.length, 56, 56 + struct.length, 40, 17, 16, 0, 0, struct.length].map(
      (v) => [4, v] as const,
    ),
  )
  const bytes = new Uint8Array([...header, ...new Uint8Array(16), ...struct])
  expect((await inspectBytes(bytes)).state).toBe('unreadable')
})

it('that was cut off is still one, and damaged', async () => {
  const bytes = makeFit(content(20_000))
  const found = await inspectBytes(bytes.subarray(0, Math.floor(bytes.length * 0.66)))
  expect(found).toMatchObject({ format: 'u-boot-fit', state: 'unreadable' })
})
