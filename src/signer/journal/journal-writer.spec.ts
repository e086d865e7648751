import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FreshnessEntry, TimedEntry } from '../../domain/signer-journal/journal-entry.js'
import { lastUsedByte } from '../../domain/journal/journal-tail.js'
import { openJournal, type OpenJournal } from './journal-file.js'
import { JournalWriter } from './journal-writer.js'

let folder: string
let journal: OpenJournal
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-journal-'))
  journal = openJournal(folder, 'gateway/prod', () => undefined)
})
afterEach(() => rmSync(folder, { recursive: true }))

const entry = (krlNumber: number): TimedEntry => {
  const freshness: FreshnessEntry = { kind: 'freshness', keyId: 'ab', krlNumber, rootVersion: 1, expires: 9 }
  return { time: 5, entry: freshness }
}
const readBack = (): TimedEntry[] => {
  const found: TimedEntry[] = []
  closeSync(openJournal(folder, 'gateway/prod', (timed) => found.push(timed)).descriptor)
  return found
}
const file = (): string => join(folder, 'journal')
/** Without the room behind it. */
const written = (): Buffer => {
  const bytes = readFileSync(file())
  return bytes.subarray(0, lastUsedByte(bytes))
}
const storage = (why: string) => expect.objectContaining({ code: 'SIGNER_STORAGE', detail: { why } })

describe('journal writer', () => {
  it('has an entry in the file when it says so, in the order the entries came', async () => {
    const writer = new JournalWriter('gateway/prod', journal)
    await writer.append(entry(0))
    expect(readBack()).toEqual([entry(0)])
    await Promise.all(Array.from({ length: 50 }, (_, index) => writer.append(entry(index + 1))))
    await writer.close()
    expect(readBack()).toEqual(Array.from({ length: 51 }, (_, index) => entry(index)))
  })

  it('writes entries that wait together in one frame', async () => {
    const writer = new JournalWriter('gateway/prod', journal)
    await Promise.all(Array.from({ length: 50 }, (_, index) => writer.append(entry(index))))
    await writer.close()
    const bytes = written()
    expect(bytes.length).toBe(16 + bytes.readUInt32BE(0))
  })

  it('writes the same where nobody else waits', async () => {
    const writer = new JournalWriter('gateway/prod', journal, () => true)
    const entries = Array.from({ length: 20 }, (_, index) => entry(index))
    for (const one of entries.slice(0, 10)) await writer.append(one)
    await Promise.all(entries.slice(10).map((one) => writer.append(one)))
    await writer.close()
    expect(readBack()).toEqual(entries)
  })

  it('writes into room that it laid out ahead, so that the file grows once in many records', async () => {
    const writer = new JournalWriter('gateway/prod', journal)
    const sizes = new Set<number>()
    for (let n = 0; n < 2_500; n += 1) {
      await writer.append(entry(n))
      sizes.add(statSync(file()).size)
    }
    await writer.close()
    expect([...sizes]).toEqual([262_144, 524_288])
    expect(readBack()).toHaveLength(2_500)
  }, 30_000)

  it('goes on in the room that a start finds, and in a journal that has none', async () => {
    let at = 0
    for (const cut of [() => undefined, () => truncateSync(file(), written().length), () => undefined]) {
      const writer = new JournalWriter('gateway/prod', journal)
      for (let n = 0; n < 3; n += 1) await writer.append(entry((at += 1)))
      await writer.close()
      cut()
      journal = openJournal(folder, 'gateway/prod', () => undefined)
    }
    closeSync(journal.descriptor)
    expect(readBack()).toEqual(Array.from({ length: 9 }, (_, index) => entry(index + 1)))
  })

  it('lays out as much as a large frame needs', async () => {
    const writer = new JournalWriter('gateway/prod', journal)
    const large: TimedEntry = { time: 5, entry: { kind: 'krl', bytes: new Uint8Array(600_000).fill(7) } }
    for (const one of [entry(1), large, entry(2)]) await writer.append(one)
    await writer.close()
    expect(readBack()).toEqual([entry(1), large, entry(2)])
  })

  it('takes nothing more after a write that failed', async () => {
    closeSync(journal.descriptor)
    const descriptor = openSync('/dev/full', 'w')
    const writer = new JournalWriter('gateway/prod', { ...journal, descriptor })
    await expect(writer.append(entry(1))).rejects.toEqual(storage('journal: ENOSPC'))
    await expect(writer.append(entry(2))).rejects.toEqual(storage('journal: ENOSPC'))
    closeSync(descriptor)
  })

  it('takes nothing more after it was closed', async () => {
    const writer = new JournalWriter('gateway/prod', journal)
    await writer.close()
    await expect(writer.append(entry(1))).rejects.toEqual(storage('the journal is closed'))
  })
})
