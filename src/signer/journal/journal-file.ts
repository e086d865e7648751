import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalEnd } from '../../domain/journal/journal-chain.js'
import { JournalScanner } from '../../domain/journal/journal-scanner.js'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from '../host/errno.js'
import { syncFolder } from '../host/atomic-file.js'
import { entryOf, type TimedEntry } from '../../domain/signer-journal/journal-entry.js'

const PIECE_BYTES = 1_048_576

/** An open journal, read to its end, and where to write on. */
export interface OpenJournal extends JournalEnd {
  readonly descriptor: number
}

/**
 * Opens the journal of a state folder (making it when there is none), hands every entry to `each` in order,
 * and cuts off a tail that a crash tore. The file is read in pieces: it may be larger than memory.
 * @throws Refusal `JOURNAL_BROKEN`, `SIGNER_STORAGE`.
 */
export function openJournal(folder: string, namespace: string, each: (entry: TimedEntry) => void): OpenJournal {
  const path = join(folder, 'journal')
  try {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o600)
    try {
      const end = replay(descriptor, namespace, each)
      if (end.tornBytes > 0) ftruncateSync(descriptor, end.wholeBytes)
      fsyncSync(descriptor)
      syncFolder(folder)
      return { descriptor, ...end }
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === null) throw error
    throw new Refusal('SIGNER_STORAGE', { why: `journal ${path}: ${errno}` }, { cause: error })
  }
}

function replay(descriptor: number, namespace: string, each: (entry: TimedEntry) => void): JournalEnd {
  const scanner = new JournalScanner(namespace)
  const sizeBytes = fstatSync(descriptor).size
  for (let at = 0; at < sizeBytes;) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, sizeBytes - at))
    const count = readSync(descriptor, piece, 0, piece.length, at)
    if (count === 0) break
    at += count
    for (const record of scanner.take(piece.subarray(0, count))) each({ time: record.time, entry: entryOf(record) })
  }
  return scanner.end()
}
