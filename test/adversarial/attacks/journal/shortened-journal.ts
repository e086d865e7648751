import type { Attack } from '../../attack.js'
import { judgeJournal } from '../../journal.js'

export const shortenedJournal: Attack = {
  name: 'shortened-journal',
  group: 'journal',
  threat: 'row 15',
  does: 'takes a record out of the middle of the audit trail',
  run: () =>
    Promise.resolve(judgeJournal(([first, , last]) => [first ?? new Uint8Array(0), last ?? new Uint8Array(0)])),
  expected: { step: 0, code: 'JOURNAL_BROKEN', detail: { why: 'a record is missing' } },
  guard: [
    {
      file: 'src/domain/journal/journal-scanner.ts',
      find: "if (record.index !== this.head.index) throw this.broken('a record is missing')",
      replace: '',
    },
    {
      file: 'src/domain/journal/journal-scanner.ts',
      find: "if (!equalBytes(record.previousSha256, this.head.sha256)) throw this.broken('the hash chain does not fit')",
      replace: '',
    },
  ],
}
