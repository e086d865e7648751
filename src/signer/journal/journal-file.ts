import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { JournalEnd, JournalHead } from '../../domain/journal/journal-chain.js'
import { JournalScanner } from '../../domain/journal/journal-scanner.js'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from '../host/errno.js'
import { syncFolder } from '../host/atomic-file.js'
import { entryOf, type TimedEntry } from '../../domain/signer-journal/journal-entry.js'

const PIECE_BYTES = 1_048_576
/** What is written is on the disk when the call is done (open(2), O_DSYNC): a flush of its own would be one more call. */
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC

/** An open journal, read to its end, and where to write on. */
export interface OpenJournal extends JournalEnd {
  readonly descriptor: number
  /** Size of the file: what lies behind `wholeBytes` is zeros, room for what will be written. */
  readonly sizeBytes: number
  /** The journal holds the place that was asked for; true when none was. */
  readonly reachesMark: boolean
}

/**
 * Opens the journal of a state folder (making it when there is none), hands every entry to `each` in order,
 * and cuts off a tail that a crash tore. The file is read in pieces: it may be larger than memory.
 * @param mark a place that it should hold.
 * @throws Refusal `JOURNAL_BROKEN`, `SIGNER_STORAGE`.
 */
export function openJournal(
  folder: string,
  namespace: string,
  each: (entry: TimedEntry) => void,
  mark: JournalHead | null = null,
): OpenJournal {
  const path = join(folder, 'journal')
  try {
    const descriptor = openSync(path, FLAGS, 0o600)
    try {
      const end = replay(descriptor, namespace, each, mark)
      // With the room behind it, which the writer lays out anew.
      if (end.tornBytes > 0) ftruncateSync(descriptor, end.wholeBytes)
      fsyncSync(descriptor)
      syncFolder(folder)
      return { descriptor, sizeBytes: fstatSync(descriptor).size, ...end }
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

/**
 * Reads the journal of a state folder as `openJournal` does, and leaves it as it is: for a look from outside, beside a signer that
 * writes it.
 * @returns null when there is none.
 * @throws Refusal `JOURNAL_BROKEN`, `SIGNER_STORAGE`.
 */
export function inspectJournal(
  folder: string,
  namespace: string,
  each: (entry: TimedEntry) => void,
  mark: JournalHead | null,
): (JournalEnd & Pick<OpenJournal, 'reachesMark'>) | null {
  const path = join(folder, 'journal')
  try {
    const descriptor = openSync(path, constants.O_RDONLY)
    try {
      return replay(descriptor, namespace, each, mark)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return null
    if (errno === null) throw error
    throw new Refusal('SIGNER_STORAGE', { why: `journal ${path}: ${errno}` }, { cause: error })
  }
}

function replay(
  descriptor: number,
  namespace: string,
  each: (entry: TimedEntry) => void,
  mark: JournalHead | null,
): JournalEnd & Pick<OpenJournal, 'reachesMark'> {
  const scanner = new JournalScanner(namespace)
  let reachesMark = mark === null
  const meet = ({ index, sha256 }: JournalHead): void => {
    if (index === mark?.index && equalBytes(sha256, mark.sha256)) reachesMark = true
  }
  const sizeBytes = fstatSync(descriptor).size
  for (let at = 0; at < sizeBytes;) {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, sizeBytes - at))
    const count = readSync(descriptor, piece, 0, piece.length, at)
    if (count === 0) break
    at += count
    for (const record of scanner.take(piece.subarray(0, count))) {
      meet({ index: record.index, sha256: record.previousSha256 })
      each({ time: record.time, entry: entryOf(record) })
    }
  }
  const end = scanner.end()
  meet(end.head)
  return { ...end, reachesMark }
}
