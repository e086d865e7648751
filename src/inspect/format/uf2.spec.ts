import { expect, it } from '@jest/globals'
import { makeUf2 } from '../../../test/support/firmware/block-images.js'
import { inspectBytes, patched } from '../../../test/support/firmware/inspect-bytes.js'
import { content } from '../../../test/support/firmware/sample.js'

const image = makeUf2(content(2_560))

it('says family, version, blocks and addresses', async () => {
  expect(await inspectBytes(image)).toMatchObject({
    state: 'whole',
    version: '1.4.0',
    target: { kind: 'processor', names: ['rp2040'] },
    facts: { 'rp2040 blocks': 10, 'rp2040 bytes': 2_560, 'rp2040 addresses': '0x10000000 to 0x10000a00' },
  })
})

it('reads files that hold blocks for several processors', async () => {
  const both = new Uint8Array([...image, ...makeUf2(content(512), 0x12345678)])
  expect(await inspectBytes(both)).toMatchObject({ state: 'whole', target: { names: ['rp2040', '0x12345678'] } })
})

function twoVersions(): Uint8Array {
  const other = makeUf2(content(512), 0x12345678, '9.9.9')
  return new Uint8Array([...image, ...other])
}

it('reads the version of no block that is not for flash', async () => {
  const other = makeUf2(content(256), 0x12345678, '9.9.9')
  const found = await inspectBytes(new Uint8Array([...patched(other, 8, 1, 0xa0), ...image]))
  expect(found).toMatchObject({ state: 'whole', version: '1.4.0' })
})

it.each([
  [
    'a block is missing',
    new Uint8Array([...image.subarray(0, 512), ...image.subarray(1_024)]),
    'block 1 has the number 2',
  ],
  ['the last block is cut', image.subarray(0, 5_000), 'truncated: the last block has 392 of 512 bytes'],
  ['a later block counts others', patched(image, 512 + 24, 11), 'block 1 is one of 11, the first one of 10'],
  ['a later block states another version', twoVersions(), 'it states two versions: 1.4.0 and 9.9.9'],
  ['nothing is for flash', patched(image.subarray(0, 512), 8, 1), 'none of its blocks is for flash'],
])('finds that %s', async (_, bytes, why) => {
  const { state, faults } = await inspectBytes(bytes)
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['damaged', why])
})

it.each([
  ['a block without its magic numbers', patched(image, 1_024, 0), 'block 2 is none'],
  ['two blocks for one address', patched(image, 512 + 13, 0), 'it says twice what stands at 268435456'],
  ['a block without its last one', patched(image, 1_024 - 4, 0), 'block 1 is none'],
  ['more data than fit into a block', patched(image, 16, 0xff, 0xff), 'block 0 claims 65535 bytes'],
])('cannot read %s', async (_, bytes, why) => {
  const { state, faults } = await inspectBytes(bytes)
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})
