import { describe, expect, it } from '@jest/globals'
import { concat } from '../bytes.js'
import { cborMap } from '../cbor/value.js'
import type { Refusal } from '../refusal.js'
import { appendLines, emptyJournal, type JournalHead } from './journal-chain.js'
import { JournalScanner } from './journal-scanner.js'
import { lastUsedByte } from './journal-tail.js'

const namespace = 'gateway/prod'
const line = (kind: string) => ({ time: 1_800_000_000, kind, body: cborMap([[1, kind]]) })

/** Frames of one, two and one records. */
function frames(): { all: Uint8Array[]; head: JournalHead } {
  const one = appendLines(emptyJournal, namespace, [line('a')])
  const two = appendLines(one.head, namespace, [line('b'), line('c')])
  const three = appendLines(two.head, namespace, [line('d')])
  return { all: [one.frame, two.frame, three.frame], head: three.head }
}

function scan(bytes: Uint8Array, chunkBytes = bytes.length) {
  const scanner = new JournalScanner(namespace)
  const kinds: string[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes)
    kinds.push(...scanner.take(bytes.subarray(at, at + chunkBytes)).map((record) => record.kind))
  return { kinds, ...scanner.end() }
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, index) => (index === at ? byte ^ 1 : byte))
const broken = (at: number, why: string): Refusal =>
  expect.objectContaining({ name: 'Refusal', code: 'JOURNAL_BROKEN', detail: { at, why } }) as unknown as Refusal

describe('journal', () => {
  it.each([1, 7, 4_096])('gives back every record in order, read %i bytes at a time', (chunkBytes) => {
    const { all, head } = frames()
    const bytes = concat(...all)
    expect(scan(bytes, chunkBytes)).toEqual({
      kinds: ['a', 'b', 'c', 'd'],
      wholeBytes: bytes.length,
      tornBytes: 0,
      head,
    })
  })

  it('drops a last frame cut at any byte, and nothing before it', () => {
    const { all } = frames()
    const whole = concat(...all.slice(0, 2))
    const last = all[2] ?? new Uint8Array(0)
    for (let cut = 1; cut < last.length; cut += 1) {
      const left = last.subarray(0, cut)
      expect(scan(concat(whole, left))).toMatchObject({
        kinds: ['a', 'b', 'c'],
        wholeBytes: whole.length,
        tornBytes: lastUsedByte(left),
      })
    }
  })

  it('takes zeros behind the last frame for room', () => {
    const bytes = concat(...frames().all)
    for (const chunkBytes of [1_000, 100_000])
      expect(scan(concat(bytes, new Uint8Array(70_000)), chunkBytes)).toMatchObject({
        kinds: ['a', 'b', 'c', 'd'],
        wholeBytes: bytes.length,
        tornBytes: 0,
      })
  })

  it('drops a last frame of which any sectors did not arrive, and nothing before it', () => {
    const body = cborMap([[1, Uint8Array.from({ length: 2_000 }, (_, n) => 1 + (n % 255))]])
    for (let fill = 0; fill < 512; fill += 31) {
      const first = appendLines(emptyJournal, namespace, [{ ...line('a'), body: cborMap([[1, new Uint8Array(fill)]]) }])
      const { frame } = appendLines(first.head, namespace, [{ ...line('b'), body }])
      const whole = concat(first.frame, frame)
      const begin = first.frame.length
      const sectors = Array.from({ length: Math.ceil(whole.length / 512) }, (_, n) => n).filter(
        (n) => (n + 1) * 512 > begin,
      )
      for (let missing = 1; missing < 1 << sectors.length; missing += 1) {
        const torn = concat(whole, new Uint8Array(3_000))
        sectors.forEach((sector, n) => {
          if ((missing >> n) & 1)
            torn.fill(0, Math.max(begin, sector * 512), Math.min(whole.length, (sector + 1) * 512))
        })
        expect(scan(torn)).toMatchObject({ kinds: ['a'], wholeBytes: begin })
      }
    }
  })

  it('drops a last frame whose bytes are others than were written', () => {
    const { all } = frames()
    const last = all[2] ?? new Uint8Array(0)
    expect(scan(concat(...all.slice(0, 2), flipped(last, last.length - 1)))).toMatchObject({
      kinds: ['a', 'b', 'c'],
      tornBytes: last.length,
    })
  })

  it('refuses a frame that is missing before others, whether they are behind zeros or behind half of it', () => {
    const { all } = frames()
    const [first, second, third] = all.map((frame) => frame.slice()) as [Uint8Array, Uint8Array, Uint8Array]
    const refused = broken(first.length, 'a frame that is not the last is missing')
    expect(() => scan(concat(first, new Uint8Array(second.length), third, new Uint8Array(99)))).toThrow(refused)
    expect(() => scan(concat(first, second.fill(0, 0, 40), third))).toThrow(refused)
  })

  it('refuses what is neither a frame nor what is left of one', () => {
    const bytes = concat(...frames().all)
    for (const at of [0, 3, 15])
      expect(() => scan(concat(bytes, flipped(new Uint8Array(2_000), at)))).toThrow(
        broken(bytes.length, 'impossible length of a frame'),
      )
    const large = new Uint8Array(1_048_576).fill(0, 0, 20).fill(1, 20)
    const scanner = new JournalScanner(namespace)
    expect(() => {
      for (let n = 0; n < 40; n += 1) scanner.take(large)
    }).toThrow(broken(0, 'no frame, and more than one write behind it'))
  })

  it('refuses a flipped bit before the last frame', () => {
    const { all } = frames()
    const first = all[0]?.length ?? 0
    const bytes = concat(...all)
    expect(() => scan(flipped(bytes, first + 20))).toThrow(broken(first, 'checksum of a frame that is not the last'))
  })

  it('refuses a flipped bit in the length of a frame, which would hide all that follows', () => {
    const { all } = frames()
    const first = all[0]?.length ?? 0
    expect(() => scan(flipped(concat(...all), first + 1))).toThrow(broken(first, 'impossible length of a frame'))
  })

  it('refuses a journal from which a frame was cut out', () => {
    const { all } = frames()
    const [first, , third] = all
    const at = first?.length ?? 0
    expect(() => scan(concat(first ?? new Uint8Array(0), third ?? new Uint8Array(0)))).toThrow(
      broken(at, 'a record is missing'),
    )
  })

  it('refuses a record whose predecessor was replaced by another of the same index', () => {
    const { all } = frames()
    const other = appendLines(emptyJournal, namespace, [line('z')]).frame
    expect(() => scan(concat(other, ...all.slice(1)))).toThrow(broken(other.length, 'the hash chain does not fit'))
  })

  it('refuses the journal of another namespace', () => {
    const { frame } = appendLines(emptyJournal, 'gateway/dev', [line('a')])
    expect(() => scan(frame)).toThrow(
      expect.objectContaining({ code: 'WRONG_NAMESPACE', detail: { expected: namespace, found: 'gateway/dev' } }),
    )
  })
})
