import { z } from 'zod'
import { algorithmOf, ED25519 } from '../../domain/cose/algorithms.js'
import { keyIdHexOf } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import { encodeRoot, parseRoot, type Root, type RootKey, type RootRole } from '../../domain/trust/root.js'
import { keyRoles, type KeyRole } from '../../domain/trust/roles.js'
import { timeText } from '../quantity-text.js'
import { KeyEntry, Namespace, publicKeyText, readKeyEntry, readSpecFile, Time, Whole } from './spec-file.js'

const DAY_SECONDS = 86_400
const Role = z.strictObject({
  threshold: z.number().int().min(1),
  /** Without its own life a key lives as long as the document. */
  keys: z.array(KeyEntry.extend({ notBefore: Time.optional(), notAfter: Time.optional() })).min(1),
})
const RootSpec = z.strictObject({
  namespace: Namespace,
  version: z.number().int().min(1),
  issued: Time,
  expires: Time,
  roles: z.partialRecord(z.enum(keyRoles), Role),
  epoch: Whole.default(1),
  floors: z.record(z.string().regex(/^[0-9a-f]{32}$/), Whole).default({}),
  leastKrlNumber: Whole.default(1),
  algorithms: z.array(z.number().int()).min(1).default([ED25519]),
  longestKrlLifeSeconds: Whole.default(90 * DAY_SECONDS),
})
type RootSpec = z.infer<typeof RootSpec>

/**
 * Reads what a ceremony decided and makes the payload of a root, which is parsed again before it is given out.
 * @throws Refusal `FILE_UNREADABLE`, `REQUEST_INVALID` naming the field, `KEY_MALFORMED`, `DOCUMENT_MALFORMED`.
 */
export function makeRoot(specFile: string): { payload: Uint8Array; root: Root } {
  const spec = readSpecFile(specFile, RootSpec)
  const keys = new Map<string, RootKey>()
  const roles = new Map<KeyRole, RootRole>()
  for (const role of keyRoles) {
    const row = spec.roles[role]
    if (row !== undefined) roles.set(role, { threshold: row.threshold, keyIds: addKeys(keys, row, role, spec) })
  }
  const { namespace, version, issued, expires, epoch, leastKrlNumber, algorithms, longestKrlLifeSeconds } = spec
  const numbers = { namespace, version, issued, expires, epoch, leastKrlNumber, algorithms, longestKrlLifeSeconds }
  const payload = encodeRoot({ ...numbers, keys, roles, floors: new Map(Object.entries(spec.floors)) })
  const root = parseRoot(payload)
  requireLife('expires', root.issued, root.expires)
  requireAllowed(root)
  return { payload, root }
}

/** The spec of a root that follows, the same but for its version and its own life: to be edited. */
export const specAfterRoot = (root: Root, now: number): object => ({
  namespace: root.namespace,
  version: root.version + 1,
  issued: timeText(now),
  expires: timeText(now + root.expires - root.issued),
  roles: Object.fromEntries(
    [...root.roles].map(([role, { threshold, keyIds }]) => [
      role,
      { threshold, keys: keyIds.flatMap((keyId) => keyEntryOf(root.keys.get(keyId))) },
    ]),
  ),
  epoch: root.epoch,
  floors: Object.fromEntries(root.floors),
  leastKrlNumber: root.leastKrlNumber,
  algorithms: root.algorithms,
  longestKrlLifeSeconds: root.longestKrlLifeSeconds,
})

function keyEntryOf(row: RootKey | undefined): object[] {
  if (row === undefined) return []
  const { keyId, key, notBefore, notAfter } = row
  return [{ keyId, publicKey: publicKeyText(key), notBefore: timeText(notBefore), notAfter: timeText(notAfter) }]
}

function addKeys(keys: Map<string, RootKey>, row: z.infer<typeof Role>, role: KeyRole, spec: RootSpec): string[] {
  return row.keys.map((entry, index) => {
    const field = `roles.${role}.keys.${index}`
    const key = readKeyEntry(entry, field)
    const keyId = keyIdHexOf(key)
    // Twice under one role counts one holder as two; under two roles it breaks "one key, one role".
    if (keys.has(keyId)) throw new Refusal('REQUEST_INVALID', { field, why: 'this key is named already' })
    const notBefore = entry.notBefore ?? spec.issued
    const notAfter = entry.notAfter ?? spec.expires
    requireLife(field, notBefore, notAfter)
    keys.set(keyId, { keyId, key, alg: algorithmOf(key), notBefore, notAfter })
    return keyId
  })
}

/** A key whose algorithm the root does not allow could sign nothing, and nobody would know before it had to. */
function requireAllowed({ keys, algorithms }: Root): void {
  for (const { alg, keyId } of keys.values())
    if (!algorithms.includes(alg))
      throw new Refusal('REQUEST_INVALID', { field: 'algorithms', why: `${alg} of key ${keyId} is not among them` })
}

function requireLife(field: string, from: number, to: number): void {
  if (from >= to) throw new Refusal('REQUEST_INVALID', { field, why: 'ends before it begins' })
}
