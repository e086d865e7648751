import { concat, toHex, utf8 } from '../../../src/domain/bytes.js'
import { little, padded } from './sample.js'

/** UF2 (microsoft/uf2): blocks of 256 bytes of data for one family, the version in the first. */
export function makeUf2(
  payload: Uint8Array,
  family = 0xe48bff56,
  version = '1.4.0',
  address = 0x1000_0000,
): Uint8Array {
  const count = Math.ceil(payload.length / 256)
  const tag = concat(little([4, (0x9fc7bc << 8) | (4 + version.length)]), utf8(version))
  const blocks = Array.from({ length: count }, (_, index) => {
    const data = padded(payload.subarray(index * 256, index * 256 + 256), 256)
    const flags = index === 0 ? 0xa000 : 0x2000
    const head = little([4, 0x0a324655], [4, 0x9e5d5157], [4, flags], [4, address + index * 256], [4, 256], [4, index])
    const body = concat(head, little([4, count], [4, family]), data, index === 0 ? tag : new Uint8Array(0))
    return concat(padded(body, 508), little([4, 0x0ab16f30]))
  })
  return Buffer.concat(blocks)
}

function record(type: number, address: number, data: Uint8Array): string {
  const bytes = concat(Uint8Array.of(data.length, address >> 8, address & 0xff, type), data)
  const sum = bytes.reduce((all, byte) => all + byte, 0)
  return `:${toHex(concat(bytes, Uint8Array.of(-sum & 0xff))).toUpperCase()}\r\n`
}

/** Intel HEX: records of 32 bytes from `address`, one for each 64 KiB that names its upper half, entry point, end. */
export function makeHex(payload: Uint8Array, address = 0x0800_0000): Uint8Array {
  const lines: string[] = []
  for (let at = 0; at < payload.length; at += 32) {
    const place = address + at
    if (at === 0 || place % 65_536 === 0) lines.push(record(4, 0, Uint8Array.of(place >>> 24, (place >>> 16) & 0xff)))
    lines.push(record(0, place & 0xffff, payload.subarray(at, at + 32)))
  }
  lines.push(record(5, 0, Uint8Array.of(8, 0, 1, 0)), record(1, 0, new Uint8Array(0)))
  return utf8(lines.join(''))
}

/** A 32-bit executable for ARM: one segment with the payload, one with the note that names the build. */
export function makeElf(payload: Uint8Array): Uint8Array {
  const note = concat(little([4, 4], [4, 20], [4, 3]), utf8('GNU\0'), new Uint8Array(20).fill(0xcd))
  const [noteAt, payloadAt] = [52 + 64, 52 + 64 + note.length]
  const ident = padded(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 1, 1, 1), 16)
  const segment = (type: number, at: number, length: number): Uint8Array =>
    little([4, type], [4, at], [4, 0x800_0000], [4, 0x800_0000], [4, length], [4, length], [4, 5], [4, 4])
  return concat(
    ident,
    little(
      [2, 2],
      [2, 40],
      [4, 1],
      [4, 0x800_0101],
      [4, 52],
      [4, 0],
      [4, 0],
      [2, 52],
      [2, 32],
      [2, 2],
      [2, 40],
      [2, 0],
    ),
    little([2, 0]),
    segment(1, payloadAt, payload.length),
    segment(4, noteAt, note.length),
    note,
    payload,
  )
}
