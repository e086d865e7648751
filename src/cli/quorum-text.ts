import type { Policy } from '../domain/trust/policy.js'
import { parseQuorum } from '../domain/trust/quorum.js'
import type { Operation } from '../domain/trust/roles.js'
import { isClosed } from './approval-signing.js'
import type { Output } from './terminal.js'
import { nextOpeningText } from './window-text.js'

/** How many approvals an expression still wants, by role; empty when it is met. @param roles one entry a person. */
export function missingOf(expression: string, roles: readonly string[]): string[] {
  const wanted = new Map<string, number>()
  for (const { role, count } of parseQuorum(expression)) wanted.set(role, (wanted.get(role) ?? 0) + count)
  return [...wanted].flatMap(([role, count]) => {
    const missing = count - roles.filter((each) => each === role).length
    return missing > 0 ? [`${missing} of ${role}`] : []
  })
}

const missingText = (expression: string, roles: readonly string[]): string =>
  missingOf(expression, roles).join(' and ') || 'nothing'

/**
 * What is missing for a signature, and in red when the change window is closed: then break-glass is needed too.
 * @param roles in which people have approved so far, as they were counted here.
 */
export function printQuorum(
  output: Output,
  policy: Policy,
  operation: Operation,
  roles: readonly string[],
  now: number,
): void {
  const quorum = policy.quorums.get(operation)
  if (quorum !== undefined) output.line(`quorum        ${quorum}; missing: ${missingText(quorum, roles)}`)
  if (!isClosed(policy, operation, now)) return
  const { windows, breakGlass } = policy.limits
  output.alarm(`The change window is CLOSED: ${nextOpeningText(windows, now)}.`)
  if (breakGlass === undefined) output.alarm('Nobody can sign before that: the policy has no break-glass quorum.')
  else
    output.alarm(
      `Before that it takes break-glass, which raises an alarm record: ${breakGlass}; missing: ${missingText(breakGlass, roles)}.`,
    )
}
