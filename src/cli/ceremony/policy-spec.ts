import { z } from 'zod'
import { findHex, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { classIdOf, vendorIdOf } from '../../domain/suit/identifiers.js'
import { legacyWaivers, type LegacyClients } from '../../domain/trust/legacy-clients.js'
import { encodePolicy, parsePolicy, type Person, type Policy } from '../../domain/trust/policy.js'
import { operations, personRoles } from '../../domain/trust/roles.js'
import { KeyEntry, Namespace, readKeyEntry, readSpecFile, Time, Whole } from './spec-file.js'

const Limits = z.strictObject({
  signaturesPerDay: Whole.optional(),
  windows: z.array(z.strictObject({ days: Whole, fromSecond: Whole, toSecond: Whole })).optional(),
  maxImageBytes: Whole.optional(),
  approvalLifeSeconds: Whole.optional(),
  breakGlass: z.string().optional(),
  devicesPerHour: Whole.optional(),
  minRolloutApprovers: Whole.optional(),
})
const Part = z.string().regex(/^[^/]+$/)
const ClassSpec = z.strictObject({ model: Part, hardwareRevision: Part, environment: Part })
const LegacyRule = z.strictObject({
  classes: z.array(ClassSpec).min(1),
  waived: z.array(z.enum(legacyWaivers)).default([]),
})
const PolicySpec = z.strictObject({
  namespace: Namespace,
  version: z.number().int().min(1),
  issued: Time,
  expires: Time,
  vendorDomain: z.string().min(1),
  classes: z.array(ClassSpec).min(1),
  persons: z.record(
    z.string().min(1).max(64),
    z.strictObject({
      keys: z.array(KeyEntry).min(1),
      roles: z.array(z.enum(personRoles)).min(1),
      notAfter: Time.optional(),
    }),
  ),
  quorums: z.partialRecord(z.enum(operations), z.string()),
  limits: Limits.default({}),
  /** Owner and deputy by key id. */
  owners: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.tuple([z.string(), z.string()])).optional(),
  /** Clients that verify nothing of ours (trust.md §6). */
  legacyClients: z.strictObject({ ddi: LegacyRule }).optional(),
})
type PolicySpec = z.infer<typeof PolicySpec>

/**
 * Reads what a ceremony decided and makes the payload of a policy, which is parsed again before it is given out.
 * @throws Refusal `FILE_UNREADABLE`, `REQUEST_INVALID` naming the field, `KEY_MALFORMED`, `DOCUMENT_MALFORMED`.
 */
export function makePolicy(specFile: string): { payload: Uint8Array; policy: Policy } {
  const spec = readSpecFile(specFile, PolicySpec)
  if (spec.issued >= spec.expires)
    throw new Refusal('REQUEST_INVALID', { field: 'expires', why: 'ends before it begins' })
  const vendorId = vendorIdOf(spec.vendorDomain)
  const idsOf = (rows: readonly z.infer<typeof ClassSpec>[]): string[] =>
    rows.map((row) => toHex(classIdOf(vendorId, row.model, row.hardwareRevision, row.environment)))
  const ddi = spec.legacyClients?.ddi
  const legacy: LegacyClients | undefined =
    ddi && new Map([['ddi', { classes: idsOf(ddi.classes), waived: ddi.waived }]])
  const { namespace, version, issued, expires } = spec
  const payload = encodePolicy({
    namespace,
    version,
    issued,
    expires,
    vendorId,
    persons: readPersons(spec),
    quorums: new Map(
      operations.flatMap((name) => (spec.quorums[name] === undefined ? [] : [[name, spec.quorums[name]]])),
    ),
    limits: definedOnly(spec.limits),
    classes: new Map(idsOf(spec.classes).map((id) => [id, [[Uint8Array.of(0)]]])),
    ...(legacy === undefined ? {} : { legacy }),
    ...(spec.owners === undefined ? {} : { owners: new Map(Object.entries(spec.owners)) }),
  })
  return { payload, policy: parsePolicy(payload) }
}

function readPersons(spec: PolicySpec): Map<string, Person> {
  return new Map(
    Object.entries(spec.persons).map(([name, row]) => [
      name,
      {
        name,
        keys: row.keys.map((entry, index) => readKeyEntry(entry, `persons.${name}.keys.${index}`)),
        roles: row.roles,
        notAfter: row.notAfter ?? spec.expires,
      },
    ]),
  )
}

/** With exactOptionalPropertyTypes an absent limit and an undefined one differ. */
const definedOnly = (limits: z.infer<typeof Limits>): Policy['limits'] =>
  Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))

/** Class ids of a policy as bytes. */
export const classIdsOf = (policy: Policy): Uint8Array[] =>
  [...policy.classes.keys()].map((hex) => findHex(hex) ?? new Uint8Array(16))
