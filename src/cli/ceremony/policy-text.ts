import { fromHex } from '../../domain/bytes.js'
import { keyIdHexOf } from '../../domain/cose/cose-key.js'
import { formatUuid } from '../../domain/suit/identifiers.js'
import type { Person, Policy } from '../../domain/trust/policy.js'
import { timeText } from '../quantity-text.js'
import { classIdsOf } from './policy-spec.js'

/** Everything a policy says, for the people who sign it. */
export function describePolicy(policy: Policy): string[] {
  return [
    `policy ${policy.version} of ${policy.namespace}`,
    `valid         ${timeText(policy.issued)} to ${timeText(policy.expires)}`,
    `vendor        ${formatUuid(policy.vendorId)}`,
    ...classIdsOf(policy).map((id) => `class         ${formatUuid(id)}`),
    ...[...policy.persons.values()].flatMap(personLines),
    ...[...policy.quorums].map(([operation, quorum]) => `to ${operation}: ${quorum}`),
    ...Object.entries(policy.limits).map(([name, value]) => `limit ${name}: ${JSON.stringify(value)}`),
    ...legacyRows(policy).map(([what, value]) => `${what}: ${value}`),
  ]
}

const personLines = (person: Person): string[] => [
  `person ${person.name}: ${person.roles.join(', ')}, until ${timeText(person.notAfter)}`,
  ...person.keys.map((key) => `  ${keyIdHexOf(key)}`),
]

const UNCHECKED =
  'verify nothing of ours, so only the signature of their own bundle stands between them and a stolen server'

/** Who may join without verifying anything of ours: the line that a holder must not pass over. */
const legacyRows = ({ legacy }: Policy): [what: string, value: string][] =>
  [...(legacy ?? [])].flatMap(([protocol, { classes, waived }]): [string, string][] => [
    ...classes.map((id): [string, string] => [
      `${protocol} clients of class ${formatUuid(fromHex(id))}`,
      `are let in; they ${UNCHECKED}`,
    ]),
    ...(waived.length === 0 ? [] : [[`waived for ${protocol} clients`, waived.join(', ')] as [string, string]]),
  ])

/** What a newer policy changes, one sentence a line. */
export function describePolicyDifference(before: Policy, after: Policy): string[] {
  const old = describeAsMap(before)
  const young = describeAsMap(after)
  const lines = [`Policy ${after.version} replaces policy ${before.version} of ${before.namespace}.`]
  for (const [what, value] of young) {
    const was = old.get(what)
    if (was === undefined) lines.push(`New: ${what}: ${value}.`)
    else if (was !== value) lines.push(`Changed: ${what}: ${value} instead of ${was}.`)
  }
  for (const [what, value] of old) if (!young.has(what)) lines.push(`Gone: ${what}: ${value}.`)
  return lines
}

function describeAsMap(policy: Policy): Map<string, string> {
  const rows: [string, string][] = [['expires', timeText(policy.expires)]]
  for (const id of classIdsOf(policy)) rows.push([`class ${formatUuid(id)}`, 'listed'])
  for (const person of policy.persons.values()) {
    const keys = person.keys.map(keyIdHexOf).join(', ')
    rows.push([
      `person ${person.name}`,
      `${person.roles.join(', ')} with key ${keys} until ${timeText(person.notAfter)}`,
    ])
  }
  for (const [operation, quorum] of policy.quorums) rows.push([`quorum to ${operation}`, quorum])
  for (const [name, value] of Object.entries(policy.limits)) rows.push([`limit ${name}`, JSON.stringify(value)])
  return new Map([...rows, ...legacyRows(policy)])
}
