import { appendLines, emptyJournal } from '../../../../src/domain/journal/journal-chain.js'
import type { Attack } from '../../attack.js'
import { judgeJournal } from '../../journal.js'
import { NOW } from '../../scene.js'

export const editedJournal: Attack = {
  name: 'edited-journal',
  group: 'journal',
  threat: 'row 15',
  does: 'rewrites one record of the audit trail, checksum and all',
  run: () => {
    const forged = appendLines(emptyJournal, 'gateway/prod', [{ time: NOW - 1, kind: 'intent', body: new Map() }])
    return Promise.resolve(judgeJournal((frames) => [forged.frame, ...frames.slice(1)]))
  },
  expected: { step: 0, code: 'JOURNAL_BROKEN', detail: { why: 'the hash chain does not fit' } },
  guard: [
    {
      file: 'src/domain/journal/journal-scanner.ts',
      find: "if (!equalBytes(record.previousSha256, this.head.sha256)) throw this.broken('the hash chain does not fit')",
      replace: '',
    },
  ],
}
