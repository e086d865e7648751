import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FreshnessEntry, TimedEntry } from '../../domain/signer-journal/journal-entry.js'
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
    const bytes = readFileSync(join(folder, 'journal'))
    // One frame for the first, which found the disk idle, and one for all that came meanwhile.
    expect(bytes.length).toBe(32 + bytes.readUInt32BE(0) + bytes.readUInt32BE(16 + bytes.readUInt32BE(0)))
  })

  it('writes the same where nobody else waits, and shares a flush with what comes in the same turn', async () => {
    const writer = new JournalWriter('gateway/prod', journal, () => true)
    const written = Array.from({ length: 20 }, (_, index) => entry(index))
    for (const one of written.slice(0, 10)) await writer.append(one)
    const { length } = readFileSync(join(folder, 'journal'))
    await Promise.all(written.slice(10).map((one) => writer.append(one)))
    await writer.close()
    const bytes = readFileSync(join(folder, 'journal')).subarray(length)
    expect(bytes.length).toBe(16 + bytes.readUInt32BE(0))
    expect(readBack()).toEqual(written)
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
