import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReleaseFile, ReleaseFileReader } from './release-file.js'

let folder: string
let path: string
let file: ReleaseFile
let reader: ReleaseFileReader
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-releases-'))
  path = join(folder, 'releases')
  file = new ReleaseFile(path)
  reader = new ReleaseFileReader(path)
})
afterEach(() => rmSync(folder, { recursive: true }))

const digest = (n: number): string => n.toString(16).padStart(64, '0')
const envelope = (n: number, length = 20): Uint8Array => new Uint8Array(length).fill(n)

describe('the file of published releases', () => {
  it('is empty where there is none', () => {
    expect(reader.find(digest(1))).toBeNull()
  })

  it('holds what was there at the start and what came since; the last one of a digest counts', () => {
    file.replace(new Map([[digest(1), envelope(1)]]))
    file.append(digest(2), envelope(2))
    expect([1, 2, 3].map((n) => reader.find(digest(n)))).toEqual([envelope(1), envelope(2), null])
    file.append(digest(1), envelope(3))
    expect([1, 2].map((n) => reader.find(digest(n)))).toEqual([envelope(3), envelope(2)])
  })

  it('shows a release when it is whole, not before', () => {
    file.replace(new Map([[digest(1), envelope(1)]]))
    file.append(digest(2), envelope(2))
    const whole = readFileSync(path)
    truncateSync(path, whole.length - 1)
    expect([1, 2].map((n) => reader.find(digest(n)))).toEqual([envelope(1), null])
    appendFileSync(path, whole.subarray(-1))
    expect(reader.find(digest(2))).toEqual(envelope(2))
  })

  it('is read anew when it was made anew, whatever its length', () => {
    file.replace(new Map([[digest(1), envelope(1)]]))
    expect(reader.find(digest(1))).toEqual(envelope(1))
    for (const length of [20, 10, 30]) {
      file.replace(new Map([[digest(2), envelope(length, length)]]))
      expect([1, 2].map((n) => reader.find(digest(n)))).toEqual([null, envelope(length, length)])
    }
    rmSync(path)
    expect(reader.find(digest(2))).toBeNull()
  })

  it('is left as it is by a start that would write the same', () => {
    const same = new Map([[digest(1), envelope(1)]])
    file.replace(same)
    const { ino } = statSync(path)
    new ReleaseFile(path).replace(same)
    expect(statSync(path).ino).toBe(ino)
  })

  it('is not begun anew by a release that finds it gone: the others would be missing', () => {
    file.replace(new Map([[digest(1), envelope(1)]]))
    rmSync(path)
    expect(() => file.append(digest(2), envelope(2))).toThrow('ENOENT')
  })

  it('is read in pieces, whatever lies across two of them', () => {
    const large = new Map([1, 2, 3].map((n) => [digest(n), envelope(n, 700_000)] as const))
    file.replace(large)
    for (const [name, bytes] of large) expect(Buffer.compare(reader.find(name) ?? new Uint8Array(0), bytes)).toBe(0)
  })

  it('ends where zeros begin, however many', () => {
    file.replace(new Map([[digest(1), envelope(1)]]))
    truncateSync(path, 2 ** 42)
    expect([1, 0].map((n) => reader.find(digest(n)))).toEqual([envelope(1), null])
  })

  it('goes on behind the last whole release after what a full disk left of one', () => {
    file.replace(new Map([[digest(1), envelope(1)]]))
    appendFileSync(path, readFileSync(path).subarray(0, 30))
    file.append(digest(2), envelope(2))
    expect([1, 2].map((n) => reader.find(digest(n)))).toEqual([envelope(1), envelope(2)])
  })
})
