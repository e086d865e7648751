import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Refusal } from '../domain/refusal.js'
import type { JournalEnd, JournalHead } from '../domain/journal/journal-chain.js'
import type { JournalRecord } from '../domain/journal/journal-record.js'
import { JournalScanner } from '../domain/journal/journal-scanner.js'
import { JournalAudit, type AuditSummary } from '../domain/signer-journal/journal-audit.js'

const PIECE_BYTES = 1_048_576

/** A journal that holds from its first byte to its last. */
export interface CheckedJournal extends AuditSummary {
  readonly namespace: string
  readonly head: JournalHead
}

/**
 * Verifies the journal of a signer with nothing but the pinned root. In pieces: it may be larger than memory.
 * @throws Refusal `JOURNAL_BROKEN` where the chain is, also for a tail that a crash tore; `JOURNAL_CONTENT` for a record whose
 *   signatures do not hold; `WRONG_NAMESPACE`, `FILE_UNREADABLE`.
 */
export function checkJournal(path: string, pinnedRoot: Uint8Array): CheckedJournal {
  const audit = new JournalAudit(pinnedRoot)
  // The whole chain first: of a journal that was changed nothing is believed, not even its beginning.
  const { wholeBytes, tornBytes, head } = follow(path, audit.namespace, () => undefined)
  if (tornBytes > 0)
    throw new Refusal('JOURNAL_BROKEN', { at: wholeBytes, why: `the last ${tornBytes} bytes are no whole frame` })
  if (head.index === 0) throw new Refusal('JOURNAL_BROKEN', { at: 0, why: 'it is empty' })
  follow(path, audit.namespace, (record) => audit.take(record))
  return { namespace: audit.namespace, head, ...audit.summary() }
}

function follow(path: string, namespace: string, each: (record: JournalRecord) => void): JournalEnd {
  const scanner = new JournalScanner(namespace)
  for (const piece of piecesOf(path)) for (const record of scanner.take(piece)) each(record)
  return scanner.end()
}

function* piecesOf(path: string): Generator<Uint8Array> {
  const descriptor = atFile(path, () => openSync(path, 'r'))
  try {
    const { size } = atFile(path, () => fstatSync(descriptor))
    for (;;) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, size))
      const count = atFile(path, () => readSync(descriptor, piece))
      if (count === 0) return
      yield piece.subarray(0, count)
    }
  } finally {
    closeSync(descriptor)
  }
}

function atFile<T>(path: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown'
    throw new Refusal('FILE_UNREADABLE', { path, why }, { cause: error })
  }
}
