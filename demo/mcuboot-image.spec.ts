import { createHash } from 'node:crypto'
import { expect, it } from '@jest/globals'
import { makeMcubootImage } from './mcuboot-image.js'

it('makes an image whose header, sizes and digest a boot loader would accept', () => {
  const image = makeMcubootImage([1, 4, 2], 5_000)
  const bodyEnd = image.readUInt16LE(8) + image.readUInt32LE(12)
  expect(image.readUInt32LE(0)).toBe(0x96f3b83d)
  expect([image.readUInt8(20), image.readUInt8(21), image.readUInt16LE(22)]).toEqual([1, 4, 2])
  expect(image.readUInt16LE(bodyEnd)).toBe(0x6907)
  expect(bodyEnd + image.readUInt16LE(bodyEnd + 2)).toBe(image.length)
  expect(image.readUInt16LE(bodyEnd + 4)).toBe(0x10)
  const digest = image.subarray(bodyEnd + 8, bodyEnd + 40)
  expect(digest).toEqual(createHash('sha256').update(image.subarray(0, bodyEnd)).digest())
})
