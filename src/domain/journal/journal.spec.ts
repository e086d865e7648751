import { describe, expect, it } from '@jest/globals'
import { concat } from '../bytes.js'
import { cborMap } from '../cbor/value.js'
import type { Refusal } from '../refusal.js'
import { appendLines, emptyJournal, type JournalHead } from './journal-chain.js'
import { JournalScanner } from './journal-scanner.js'

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
      const found = scan(concat(whole, last.subarray(0, cut)))
      expect(found).toMatchObject({ kinds: ['a', 'b', 'c'], wholeBytes: whole.length, tornBytes: cut })
    }
  })

  it('drops a last frame whose bytes did not all arrive', () => {
    const { all } = frames()
    const last = all[2] ?? new Uint8Array(0)
    expect(scan(concat(...all.slice(0, 2), flipped(last, last.length - 1))).kinds).toEqual(['a', 'b', 'c'])
    expect(scan(concat(...all.slice(0, 2), new Uint8Array(4_096))).kinds).toEqual(['a', 'b', 'c'])
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
