import { gzipSync } from 'node:zlib'
import { toHex, utf8 } from '../../src/domain/bytes.js'
import { makeCpio, makeTar, makeZip } from '../support/firmware/archives.js'
import { makeFdt } from '../support/firmware/fit-image.js'
import type { Sample } from '../support/firmware/sample.js'
import { mutate, type Dice } from './mutate.js'

/** Numbers at which readers stumble, as they stand in headers: little and big endian, in one to eight bytes. */
const numbers = [0, 1, 2, 3, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fff_ffff, 0xffff_ffff]

/** Writes such a number somewhere, mostly near an end, where the tables are. */
function setNumber(bytes: Uint8Array, dice: Dice): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const size = dice.pick([1, 2, 4, 8])
  const reach = Math.min(copy.length, dice.pick([64, 256, 2_048, copy.length]))
  const from = dice.below(2) === 0 ? 0 : copy.length - reach
  const at = from + dice.below(Math.max(1, reach - size))
  let value = dice.pick(numbers)
  const isLittle = dice.below(2) === 0
  for (let index = 0; index < size && at + index < copy.length; index += 1, value = Math.floor(value / 256))
    copy[isLittle ? at + index : at + size - 1 - index] = value & 0xff
  return copy
}

/** The same for formats that write their numbers as text. */
function setDigits(bytes: Uint8Array, dice: Dice): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const at = dice.below(Math.min(copy.length, 4_096))
  copy.set(
    utf8(dice.pick(['00000000', 'FFFFFFFF', '77777777777', '-1', '9e9', '0x', '"', '\0'])).subarray(
      0,
      copy.length - at,
    ),
    at,
  )
  return copy
}

/** Sums that a reader checks first are made right again, so that it reads on. */
const mends: Partial<Record<Sample['format'], (bytes: Uint8Array) => Uint8Array>> = {
  mender: mendTar,
  'intel-hex': mendHex,
}

function mendTar(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes)
  for (let at = 0; at + 512 <= copy.length; at += 512) {
    const head = copy.subarray(at, at + 512)
    if (head.toString('latin1', 257, 262) !== 'ustar') continue
    const sum = head.reduce((all, byte, index) => all + (index >= 148 && index < 156 ? 0x20 : byte), 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  }
  return copy
}

function mendHex(bytes: Uint8Array): Uint8Array {
  const lines = Buffer.from(bytes).toString('latin1').split('\n')
  const mended = lines.map((line) => {
    const raw = Buffer.from(line.trim().slice(1), 'hex').subarray(0, -1)
    const sum = raw.reduce((all, byte) => all - byte, 0) & 0xff
    return line.startsWith(':') ? `:${toHex(raw)}${sum.toString(16).padStart(2, '0')}` : line
  })
  return Buffer.from(mended.join('\n'), 'latin1')
}

/** One to three changes to a sample's bytes, or to a document inside it that is packed again. */
export function mutateFirmware(sample: Sample, others: readonly Sample[], dice: Dice): Uint8Array {
  if (dice.below(3) === 0) return dice.pick(repacked)(dice)
  let bytes = sample.bytes
  for (let times = 1 + dice.below(3); times > 0 && bytes.length > 0; times -= 1) {
    const choice = dice.below(4)
    if (choice < 2) bytes = setNumber(bytes, dice)
    else if (choice === 2) bytes = setDigits(bytes, dice)
    else bytes = mutate(bytes, dice, [dice.pick(others).bytes])
  }
  return dice.below(4) === 0 ? bytes : (mends[sample.format]?.(bytes) ?? bytes)
}

const shuffled = (text: string, dice: Dice): Uint8Array => {
  let bytes = utf8(text)
  for (let times = 1 + dice.below(3); times > 0; times -= 1)
    bytes = dice.below(2) === 0 ? setDigits(bytes, dice) : mutate(bytes, dice, [utf8('{}[]()=:;,"\\/*#\n\0')])
  return bytes
}
const nested = (open: string, close: string, dice: Dice): string =>
  open.repeat(dice.below(2_000)) + close.repeat(dice.below(2_000))

/** Archives that are right, around documents that are not. */
const repacked: readonly ((dice: Dice) => Uint8Array)[] = [
  (dice) =>
    makeCpio([
      [
        'sw-description',
        shuffled(
          `software = { version = "1"; b = { images: ({ filename = "a"; }); }; ${nested('(', ')', dice)} }`,
          dice,
        ),
      ],
      ['a', new Uint8Array(dice.below(9))],
    ]),
  (dice) =>
    makeCpio([['sw-description', shuffled(`{"software":{"version":"1","x":${nested('[', ']', dice)}}}`, dice)]], false),
  (dice) =>
    makeTar([
      ['version', utf8('{"format":"mender","version":3}')],
      ['manifest', shuffled(`${'0'.repeat(64)}  version\n${'0'.repeat(64)}  header.tar.gz\n`, dice)],
      ['manifest.sig', shuffled('AAAA'.repeat(20), dice)],
      [
        'header.tar.gz',
        mutate(
          gzipSync(
            mendTar(
              setNumber(
                makeTar([
                  [
                    'header-info',
                    shuffled('{"payloads":[{"type":"x"}],"artifact_provides":{"artifact_name":"r"}}', dice),
                  ],
                  ['headers/0000/type-info', shuffled('{"artifact_provides":{"a.version":"1"}}', dice)],
                ]),
                dice,
              ),
            ),
          ),
          dice,
          [new Uint8Array(4)],
        ),
      ],
    ]),
  (dice) =>
    makeZip(
      [
        [
          'meta.conf',
          shuffled('meta-version="1"\nfile-resource "a" {\nlength=3\nblake2b-256="00"\n}\ntask "x" {\n', dice),
        ],
        ['meta.conf.ed25519', new Uint8Array(dice.below(80))],
        ['data/a', new Uint8Array(dice.below(9))],
      ],
      dice.below(2) === 0,
    ),
  (dice) => {
    const value = new Uint8Array(dice.below(40))
    const place = { 'data-size': dice.pick(numbers), 'data-offset': dice.pick(numbers) }
    const signature = {
      algo: dice.pick(['sha256,rsa2048', 'sha512,ecdsa256', 'crc32', '']),
      value,
      'hashed-nodes': dice.pick(['/', '/images/a', '']),
    }
    const tree = makeFdt({
      images: {
        a: { ...place, 'hash-1': { algo: dice.pick(['sha256', 'crc32', 'none']), value }, 'signature-1': signature },
      },
      configurations: { default: 'c', c: { kernel: 'a', 'signature-1': { ...signature, 'hashed-strings': value } } },
    })
    return dice.below(2) === 0 ? tree : setNumber(tree, dice)
  },
]
