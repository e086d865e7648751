import { Refusal } from '../refusal.js'
import { isPersonRole, type PersonRole } from './roles.js'

/** "2 of release-manager and 1 of security" taken apart; every clause must be met, by distinct persons. */
export interface QuorumClause {
  readonly count: number
  readonly role: PersonRole
}

/** @throws Refusal `DOCUMENT_MALFORMED` when the expression is not `N of ROLE [and N of ROLE …]`, N from 1 to 32. */
export function parseQuorum(expression: string): readonly QuorumClause[] {
  const clauses = expression.split(' and ').map((clause): QuorumClause => {
    const match = /^([1-9]|[12]\d|3[0-2]) of ([a-z-]+)$/.exec(clause)
    const role = match?.[2] ?? ''
    if (match === null || !isPersonRole(role))
      throw new Refusal('DOCUMENT_MALFORMED', { document: 'policy', field: '7', why: 'not a quorum expression' })
    return { count: Number(match[1]), role }
  })
  return clauses
}

/** @param approvals roles in which distinct persons approved, one entry a person. */
export function isQuorumMet(clauses: readonly QuorumClause[], approvals: readonly PersonRole[]): boolean {
  if (clauses.length === 0) return false
  return clauses.every(({ role }) => {
    const needed = clauses.filter((clause) => clause.role === role).reduce((sum, clause) => sum + clause.count, 0)
    return approvals.filter((approved) => approved === role).length >= needed
  })
}

/** True when whoever meets `asked` meets `wanted` with it: nobody else is needed. */
export const isCoveredBy = (wanted: readonly QuorumClause[], asked: readonly QuorumClause[]): boolean =>
  isQuorumMet(
    wanted,
    asked.flatMap(({ count, role }) => Array.from({ length: count }, () => role)),
  )
