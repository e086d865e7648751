import type { KrlRequestAnswer } from './api-answers.js'
import type { Session } from './session.js'

/** What became of a proposed revocation list, and what is next. */
export function printKrlRequest(session: Session, row: KrlRequestAnswer): void {
  session.output.line(`revocation list ${row.number}, request ${row.id}: ${row.state}`)
  if (row.state === 'awaiting-approval')
    session.output.line(`next: countersign keys approve ${row.id} --key FILE, by another person`)
  session.output.result(row)
}
