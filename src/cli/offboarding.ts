import { keyIdHexOf } from '../domain/cose/cose-key.js'
import { Refusal } from '../domain/refusal.js'
import { encodePolicy, type Person, type Policy } from '../domain/trust/policy.js'
import { parseQuorum } from '../domain/trust/quorum.js'

/** What one person's leaving changes: the next policy without them, and the keys that have to be revoked. */
export interface Offboarding {
  readonly policy: Policy
  readonly payload: Uint8Array
  readonly keyIds: readonly string[]
}

/**
 * The policy after somebody left. What they answered for goes to a successor, and every quorum has to be met without them: a policy
 * under which nobody can act any more is refused here and not found out on the day.
 * @param successor who takes over the keys that they own or stand in for; needed only where there are any.
 * @throws Refusal `NOT_FOUND`, `REQUEST_INVALID` naming the quorum, or `--successor`.
 */
export function offboard(before: Policy, name: string, successor: string | undefined, now: number): Offboarding {
  const leaver = before.persons.get(name)
  if (leaver === undefined) throw new Refusal('NOT_FOUND', { what: 'person', id: name })
  const persons = new Map([...before.persons].filter(([each]) => each !== name))
  requireQuorums(before, [...persons.values()], name)
  const owners = before.owners && handOver(before.owners, persons, name, successor)
  const policy: Policy = {
    ...before,
    version: before.version + 1,
    issued: now,
    persons,
    ...(owners === undefined ? {} : { owners }),
  }
  return { policy, payload: encodePolicy(policy), keyIds: leaver.keys.map(keyIdHexOf) }
}

function requireQuorums({ quorums, limits }: Policy, persons: readonly Person[], name: string): void {
  const all: readonly (readonly [what: string, expression: string | undefined])[] = [
    ...quorums,
    ['break-glass', limits.breakGlass],
  ]
  for (const [what, expression] of all) {
    const clauses = expression === undefined ? [] : parseQuorum(expression)
    const needed = clauses.reduce((sum, { count }) => sum + count, 0)
    const able = persons.filter(({ roles }) => clauses.some(({ role }) => roles.includes(role)))
    const isShort = clauses.some(({ role }) => {
      const wanted = clauses.filter((each) => each.role === role).reduce((sum, { count }) => sum + count, 0)
      return persons.filter(({ roles }) => roles.includes(role)).length < wanted
    })
    if (isShort || able.length < needed)
      throw new Refusal('REQUEST_INVALID', {
        field: `quorum ${what}`,
        why: `cannot be met without ${name}: first a policy with somebody in their place; "countersign keys revoke" keeps them out meanwhile`,
      })
  }
}

function handOver(
  owners: NonNullable<Policy['owners']>,
  persons: ReadonlyMap<string, Person>,
  name: string,
  successor: string | undefined,
): Map<string, readonly [string, string]> {
  return new Map(
    [...owners].map(([keyId, row]) => {
      if (!row.includes(name)) return [keyId, row]
      const refuse = (why: string): Refusal => new Refusal('REQUEST_INVALID', { field: '--successor', why })
      if (successor === undefined) throw refuse(`needed: ${name} answers for key ${keyId}`)
      if (!persons.has(successor)) throw refuse('not a person of the policy')
      const [owner, deputy] = row.map((each) => (each === name ? successor : each))
      if (owner === deputy) throw refuse(`would be owner and deputy of key ${keyId} at once`)
      return [keyId, [owner ?? successor, deputy ?? successor]]
    }),
  )
}
