import { concat } from '../../src/domain/bytes.js'
import { appendLines, emptyJournal } from '../../src/domain/journal/journal-chain.js'
import { JournalScanner } from '../../src/domain/journal/journal-scanner.js'
import { Refusal } from '../../src/domain/refusal.js'
import { NOW } from './scene.js'
import type { Verdict } from './verdict.js'

/** A journal of three flushes, and what its reader says once the attacker is done with it. */
export function judgeJournal(spoil: (frames: readonly Uint8Array[]) => readonly Uint8Array[]): Verdict {
  let head = emptyJournal
  const frames = ['intent', 'result', 'intent'].map((kind) => {
    const appended = appendLines(head, 'gateway/prod', [{ time: NOW, kind, body: new Map() }])
    head = appended.head
    return appended.frame
  })
  try {
    new JournalScanner('gateway/prod').take(concat(...spoil(frames)))
    return { step: 16, code: 'CONFIRMED' }
  } catch (error) {
    if (error instanceof Refusal) return { step: 0, code: error.code, detail: error.detail }
    throw error
  }
}
