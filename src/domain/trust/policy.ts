import { fromHex, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborKey, type CborMap, type CborValue } from '../cbor/value.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, type CoseKey } from '../cose/cose-key.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'
import { legacyToCbor, readLegacy, type LegacyClients } from './legacy-clients.js'
import { limitsToCbor, readLimits, type PolicyLimits } from './policy-limits.js'
import { isCoveredBy, parseQuorum } from './quorum.js'
import { isOperation, isPersonRole, type Operation, type PersonRole } from './roles.js'

export interface Person {
  readonly name: string
  readonly keys: readonly CoseKey[]
  readonly roles: readonly PersonRole[]
  readonly notAfter: number
}
export interface Builder {
  readonly key: CoseKey
  readonly name: string
}

/** Which people may do what, within which limits. Signed by role policy. @see docs/formats/policy.md */
export interface Policy {
  readonly namespace: string
  readonly version: number
  readonly issued: number
  readonly expires: number
  readonly persons: ReadonlyMap<string, Person>
  /** Quorum expressions by operation. */
  readonly quorums: ReadonlyMap<Operation, string>
  readonly limits: PolicyLimits
  readonly vendorId: Uint8Array
  /** Class ids (32 hex digits) this namespace builds for, each with the component ids it has. */
  readonly classes: ReadonlyMap<string, readonly CborValue[]>
  /** Clients that verify nothing of ours: none unless they are named here. */
  readonly legacy?: LegacyClients
  /** Owner and deputy by key id. */
  readonly owners?: ReadonlyMap<string, readonly [string, string]>
  readonly builders?: ReadonlyMap<string, Builder>
}

export function encodePolicy(policy: Policy): Uint8Array {
  const persons = [...policy.persons.values()].map((person): [CborKey, CborValue] => [
    person.name,
    [person.keys.map(coseKeyToCbor), person.roles, person.notAfter],
  ])
  const classes = [...policy.classes].map(([id, components]): [CborKey, CborValue] => [fromHex(id), components])
  const owners = policy.owners && [...policy.owners].map(([id, row]): [CborKey, CborValue] => [fromHex(id), row])
  const builders =
    policy.builders &&
    [...policy.builders].map(([id, row]): [CborKey, CborValue] => [fromHex(id), [coseKeyToCbor(row.key), row.name]])
  return encodeCbor(
    cborMap([
      [1, 1],
      [2, policy.namespace],
      [3, policy.version],
      [4, policy.issued],
      [5, policy.expires],
      [6, cborMap(persons)],
      [7, cborMap(policy.quorums)],
      [8, limitsToCbor(policy.limits)],
      [9, [policy.vendorId, cborMap(classes)]],
      [10, policy.legacy && legacyToCbor(policy.legacy)],
      [11, owners && cborMap(owners)],
      [12, builders && cborMap(builders)],
    ]),
  )
}

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `KEY_MALFORMED`, `CBOR_*`. */
export function parsePolicy(payload: Uint8Array): Policy {
  const fields = Fields.open('policy', payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 8 })
  const namespace = fields.header()
  const [vendorId, classRows] = fields.asArray(9, fields.value(9), 2)
  const classes = readClasses(fields, classRows)
  const policy: Policy = {
    namespace,
    version: fields.uint(3),
    issued: fields.uint(4),
    expires: fields.uint(5),
    persons: readPersons(fields),
    quorums: readQuorums(fields),
    limits: readLimits(fields.entries(8)),
    vendorId: fields.asBytes(9, vendorId, 16),
    classes,
    ...(fields.has(10) ? { legacy: readLegacy(fields, 10, classes) } : {}),
    ...(fields.has(11) ? { owners: readOwners(fields) } : {}),
    ...(fields.has(12) ? { builders: readBuilders(fields) } : {}),
  }
  requireMachines(fields, policy)
  fields.finish()
  requireLargerBreakGlass(fields, policy)
  return policy
}

/** Outside of the windows more people are asked than inside: else the windows close nothing. */
function requireLargerBreakGlass(fields: Fields, { quorums, limits }: Policy): void {
  if (limits.breakGlass === undefined) return
  const wanted = parseQuorum(limits.breakGlass)
  for (const operation of ['sign', 're-sign'] as const) {
    const usual = quorums.get(operation)
    if (usual !== undefined && isCoveredBy(wanted, parseQuorum(usual)))
      throw fields.refusal(8, `breakGlass asks for nobody beyond the quorum of ${operation}`)
  }
}

function readPersons(fields: Fields): Map<string, Person> {
  const persons = new Map<string, Person>()
  const taken = new Set<string>()
  for (const [name, row] of fields.entries(6)) {
    const [keys, roles, notAfter] = fields.asArray(6, row, 3)
    const person: Person = {
      name: fields.asText(6, name as CborValue, 64),
      keys: fields.asArray(6, keys).map(coseKeyFromCbor),
      roles: fields.asArray(6, roles).map((role) => readRole(fields, role)),
      notAfter: fields.asUint(6, notAfter),
    }
    for (const key of person.keys) {
      const keyId = keyIdHexOf(key)
      // One key under two names would make one person count as two.
      if (taken.has(keyId)) throw fields.refusal(6, 'a key is listed twice')
      taken.add(keyId)
    }
    persons.set(person.name, person)
  }
  return persons
}

function readRole(fields: Fields, role: CborValue): PersonRole {
  if (typeof role !== 'string' || !isPersonRole(role)) throw fields.refusal(6, 'unknown role')
  return role
}

function readQuorums(fields: Fields): Map<Operation, string> {
  const quorums = new Map<Operation, string>()
  for (const [operation, expression] of fields.entries(7)) {
    if (typeof operation !== 'string' || !isOperation(operation)) throw fields.refusal(7, 'unknown operation')
    const text = fields.asText(7, expression, 256)
    parseQuorum(text)
    quorums.set(operation, text)
  }
  return quorums
}

function readClasses(fields: Fields, value: CborValue | undefined): Map<string, readonly CborValue[]> {
  if (!(value instanceof Map)) throw fields.refusal(9, 'classes are not a map')
  const classes = new Map<string, readonly CborValue[]>()
  for (const [id, components] of value as CborMap)
    classes.set(toHex(fields.asBytes(9, id, 16)), fields.asArray(9, components))
  return classes
}

function readOwners(fields: Fields): Map<string, readonly [string, string]> {
  const owners = new Map<string, readonly [string, string]>()
  for (const [id, row] of fields.entries(11)) {
    const [owner, deputy] = fields.asArray(11, row, 2)
    owners.set(toHex(fields.asBytes(11, id, 32)), [fields.asText(11, owner), fields.asText(11, deputy)])
  }
  return owners
}

function readBuilders(fields: Fields): Map<string, Builder> {
  const builders = new Map<string, Builder>()
  for (const [id, row] of fields.entries(12)) {
    const [key, name] = fields.asArray(12, row, 2)
    const coseKey = coseKeyFromCbor(key)
    const keyId = toHex(fields.asBytes(12, id, 32))
    if (keyIdHexOf(coseKey) !== keyId) throw fields.refusal(12, 'a keyid is not the thumbprint of its key')
    builders.set(keyId, { key: coseKey, name: fields.asText(12, name, 256) })
  }
  if (builders.size === 0) throw fields.refusal(12, 'empty')
  return builders
}

/** A build system with a person's key could approve what it built. */
function requireMachines(fields: Fields, { persons, builders }: Policy): void {
  for (const person of persons.values())
    if (person.keys.some((key) => builders?.has(keyIdHexOf(key)) === true))
      throw fields.refusal(12, 'a key is also a person’s')
}
