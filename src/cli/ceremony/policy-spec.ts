import { z } from 'zod'
import { findHex, fromHex, toHex } from '../../domain/bytes.js'
import { keyIdHexOf } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import { classIdOf, formatUuid, vendorIdOf } from '../../domain/suit/identifiers.js'
import { firmwareFormats } from '../../domain/trust/firmware-formats.js'
import { legacyWaivers, type LegacyClients } from '../../domain/trust/legacy-clients.js'
import { encodePolicy, parsePolicy, type Builder, type Person, type Policy } from '../../domain/trust/policy.js'
import { operations, personRoles } from '../../domain/trust/roles.js'
import { findClassId } from '../device-class.js'
import { timeText } from '../quantity-text.js'
import { KeyEntry, Namespace, publicKeyText, readKeyEntry, readSpecFile, Time, Whole } from './spec-file.js'

const Limits = z.strictObject({
  signaturesPerDay: Whole.optional(),
  windows: z.array(z.strictObject({ days: Whole, fromSecond: Whole, toSecond: Whole })).optional(),
  maxImageBytes: Whole.optional(),
  approvalLifeSeconds: Whole.optional(),
  breakGlass: z.string().optional(),
  devicesPerHour: Whole.optional(),
  minRolloutApprovers: Whole.optional(),
  certificatesPerDay: Whole.optional(),
  firmwareFormats: z.array(z.enum(firmwareFormats)).optional(),
})
const Part = z.string().regex(/^[^/]+$/)
const Uuid = z.string().transform((text, context) => {
  const id = findClassId(text)
  if (id !== null) return id
  context.addIssue({ code: 'custom', message: 'not a UUID' })
  return z.NEVER
})
const ClassName = z.strictObject({ model: Part, hardwareRevision: Part, environment: Part })
const ClassId = z.strictObject({ classId: Uuid })
const Classes = z.array(z.union([ClassName, ClassId])).min(1)
const LegacyRule = z.strictObject({ classes: Classes, waived: z.array(z.enum(legacyWaivers)).default([]) })
const PolicySpec = z.strictObject({
  namespace: Namespace,
  version: z.number().int().min(1),
  issued: Time,
  expires: Time,
  /** By its domain, or by the id that follows from it. */
  vendorDomain: z.string().min(1).optional(),
  vendorId: Uuid.optional(),
  classes: Classes,
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
  /** Build systems whose attestations are read. */
  builders: z.array(KeyEntry.extend({ name: z.string().min(1).max(256) })).optional(),
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
  const vendorId = vendorOf(spec)
  const idsOf = (rows: z.infer<typeof Classes>): string[] =>
    rows.map((row) =>
      toHex('classId' in row ? row.classId : classIdOf(vendorId, row.model, row.hardwareRevision, row.environment)),
    )
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
    ...(spec.builders === undefined ? {} : { builders: readBuilders(spec.builders) }),
  })
  return { payload, policy: parsePolicy(payload) }
}

function vendorOf({ vendorDomain, vendorId }: PolicySpec): Uint8Array {
  if ((vendorDomain === undefined) === (vendorId === undefined))
    throw new Refusal('REQUEST_INVALID', { field: 'vendorDomain', why: 'either this or vendorId' })
  return vendorId ?? vendorIdOf(vendorDomain ?? '')
}

const readBuilders = (rows: NonNullable<PolicySpec['builders']>): Map<string, Builder> =>
  new Map(
    rows.map((row, index) => {
      const key = readKeyEntry(row, `builders.${index}`)
      return [keyIdHexOf(key), { key, name: row.name }]
    }),
  )

/** The spec of a policy that follows, the same but for its version and its own life: to be edited. */
export const specAfterPolicy = (policy: Policy, now: number): object => ({
  namespace: policy.namespace,
  version: policy.version + 1,
  issued: timeText(now),
  expires: timeText(now + policy.expires - policy.issued),
  vendorId: formatUuid(policy.vendorId),
  classes: classIdsOf(policy).map((id) => ({ classId: formatUuid(id) })),
  persons: Object.fromEntries(
    [...policy.persons.values()].map(({ name, keys, roles, notAfter }) => [
      name,
      { keys: keys.map((key) => ({ publicKey: publicKeyText(key) })), roles, notAfter: timeText(notAfter) },
    ]),
  ),
  quorums: Object.fromEntries(policy.quorums),
  limits: policy.limits,
  ...(policy.legacy === undefined ? {} : { legacyClients: legacySpec(policy.legacy) }),
  ...(policy.owners === undefined ? {} : { owners: Object.fromEntries(policy.owners) }),
  ...(policy.builders === undefined
    ? {}
    : { builders: [...policy.builders.values()].map(({ key, name }) => ({ publicKey: publicKeyText(key), name })) }),
})

const legacySpec = (legacy: LegacyClients): object =>
  Object.fromEntries(
    [...legacy].map(([protocol, { classes, waived }]) => [
      protocol,
      { classes: classes.map((id) => ({ classId: formatUuid(fromHex(id)) })), waived },
    ]),
  )

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
