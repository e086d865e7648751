import { fromHex, toHex } from '../../domain/bytes.js'
import { encodeCbor } from '../../domain/cbor/encode.js'
import { keyIdHexOf } from '../../domain/cose/cose-key.js'
import { formatUuid } from '../../domain/suit/identifiers.js'
import type { Person, Policy } from '../../domain/trust/policy.js'
import type { PolicyLimits } from '../../domain/trust/policy-limits.js'
import { countText, exactDurationText, sizeText, timeText } from '../quantity-text.js'
import { windowsText } from '../window-text.js'

/** Everything a policy says, for the people who sign it. */
export function describePolicy(policy: Policy): string[] {
  return [
    `policy ${policy.version} of ${policy.namespace}`,
    `valid         ${timeText(policy.issued)} to ${timeText(policy.expires)}`,
    `vendor        ${formatUuid(policy.vendorId)}`,
    ...classRows(policy).map(([what, value]) => `${what}, ${value}`),
    ...[...policy.persons.values()].flatMap(personLines),
    ...[...policy.quorums].map(([operation, quorum]) => `to ${operation}: ${quorum}`),
    ...limitRows(policy.limits).map(([what, value]) => `${what}: ${value}`),
    ...otherRows(policy).map(([what, value]) => `${what}: ${value}`),
  ]
}

const personLines = (person: Person): string[] => [
  `person ${person.name}: ${person.roles.join(', ')}, until ${timeText(person.notAfter)}`,
  ...person.keys.map((key) => `  ${keyIdHexOf(key)}`),
]

/** What a newer policy changes, one sentence a line. Every member of a policy stands in it: what is left out is signed unseen. */
export function describePolicyDifference(before: Policy, after: Policy): string[] {
  const old = describeAsMap(before)
  const young = describeAsMap(after)
  const lines = [
    `Policy ${after.version} of ${after.namespace}, issued ${timeText(after.issued)}, replaces policy ${before.version}, issued ${timeText(before.issued)}.`,
  ]
  for (const [what, value] of young) {
    const was = old.get(what)
    if (was === undefined) lines.push(`New: ${what}: ${value}.`)
    else if (was !== value) lines.push(`Changed: ${what}: ${value} instead of ${was}.`)
  }
  for (const [what, value] of old) if (!young.has(what)) lines.push(`Gone: ${what}: ${value}.`)
  return lines.length === 1 ? [...lines, 'Nothing else changes.'] : lines
}

type Row = readonly [what: string, value: string]

function describeAsMap(policy: Policy): Map<string, string> {
  const persons = [...policy.persons.values()].map((person): Row => {
    const keys = person.keys.map(keyIdHexOf).join(', ')
    const roles = person.roles.join(', ')
    return [`person ${person.name}`, `${roles} with key ${keys} until ${timeText(person.notAfter)}`]
  })
  return new Map([
    ['expires', timeText(policy.expires)],
    ['vendor', formatUuid(policy.vendorId)],
    ...classRows(policy),
    ...persons,
    ...[...policy.quorums].map(([operation, quorum]): Row => [`quorum to ${operation}`, quorum]),
    ...limitRows(policy.limits),
    ...otherRows(policy),
  ])
}

const classRows = ({ classes }: Policy): Row[] =>
  [...classes].map(([id, components]) => [
    `class ${formatUuid(fromHex(id))}`,
    `components ${toHex(encodeCbor(components))}`,
  ])

/** Limits in words; those that are absent and then mean something are said too. */
function limitRows(limits: PolicyLimits): Row[] {
  const {
    signaturesPerDay,
    maxImageBytes,
    approvalLifeSeconds,
    devicesPerHour,
    minRolloutApprovers,
    certificatesPerDay,
  } = limits
  const rows: readonly (readonly [what: string, value: string | undefined])[] = [
    ['change windows', windowsText(limits.windows)],
    ['outside of them', limits.breakGlass ?? 'nobody'],
    ['signatures of one key in 24 hours', signaturesPerDay?.toString()],
    ['largest image', maxImageBytes === undefined ? undefined : sizeText(maxImageBytes)],
    [
      'longest life of an approval',
      approvalLifeSeconds === undefined ? undefined : exactDurationText(approvalLifeSeconds),
    ],
    ['most devices an hour', devicesPerHour === undefined ? undefined : countText(devicesPerHour)],
    ['fleet managers for a rollout', minRolloutApprovers?.toString()],
    ['certificates of devices in a day', certificatesPerDay?.toString()],
    ['firmware may be', limits.firmwareFormats?.join(', ') ?? 'of every format that is known'],
  ]
  return rows.flatMap(([what, value]): Row[] => (value === undefined ? [] : [[what, value]]))
}

/** The line that a holder must not pass over. */
const UNCHECKED =
  'verify nothing of ours, so only the signature of their own bundle stands between them and a stolen server'

function otherRows({ owners, builders, legacy }: Policy): Row[] {
  return [
    ...[...(owners ?? [])].map(([keyId, [owner, deputy]]): Row => [`key ${keyId}`, `owner ${owner}, deputy ${deputy}`]),
    ...[...(builders ?? [])].map(([keyId, { name }]): Row => [`build system ${keyId}`, name]),
    ...[...(legacy ?? [])].flatMap(([protocol, { classes, waived }]): Row[] => [
      ...classes.map((id): Row => [
        `${protocol} clients of class ${formatUuid(fromHex(id))}`,
        `are let in; they ${UNCHECKED}`,
      ]),
      ...(waived.length === 0 ? [] : [[`waived for ${protocol} clients`, waived.join(', ')] satisfies Row]),
    ]),
  ]
}
