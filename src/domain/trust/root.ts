import { toHex, fromHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborKey, type CborMap, type CborValue } from '../cbor/value.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, type CoseKey } from '../cose/cose-key.js'
import { Fields } from './fields.js'
import { MAX_DOCUMENT_BYTES } from './labels.js'
import { isKeyRole, type KeyRole } from './roles.js'

/** Active means notBefore ≤ now < notAfter, in seconds; there is no other state. */
export interface RootKey {
  readonly keyId: string
  readonly key: CoseKey
  readonly alg: number
  readonly notBefore: number
  readonly notAfter: number
}
export interface RootRole {
  readonly threshold: number
  readonly keyIds: readonly string[]
}
export interface LogAnchors {
  readonly logKeys: readonly string[]
  readonly witnessKeys: readonly string[]
  readonly quorum: number
}

/** Who may sign what in one namespace. Maps go by hex: key ids 64 digits, class ids 32. @see docs/formats/root.md */
export interface Root {
  readonly namespace: string
  readonly version: number
  readonly issued: number
  readonly expires: number
  readonly keys: ReadonlyMap<string, RootKey>
  readonly roles: ReadonlyMap<KeyRole, RootRole>
  readonly epoch: number
  readonly floors: ReadonlyMap<string, number>
  readonly leastKrlNumber: number
  readonly algorithms: readonly number[]
  readonly longestKrlLifeSeconds: number
  readonly log?: LogAnchors
}

export function encodeRoot(root: Root): Uint8Array {
  const keys = [...root.keys.values()].map((row): [CborKey, CborValue] => [
    fromHex(row.keyId),
    [coseKeyToCbor(row.key), row.alg, row.notBefore, row.notAfter],
  ])
  const roles = [...root.roles].map(([role, row]): [CborKey, CborValue] => [
    role,
    [row.threshold, row.keyIds.map(fromHex)],
  ])
  const log = root.log
  return encodeCbor(
    cborMap([
      [1, 1],
      [2, root.namespace],
      [3, root.version],
      [4, root.issued],
      [5, root.expires],
      [6, cborMap(keys)],
      [7, cborMap(roles)],
      [8, root.epoch],
      [9, floorsToCbor(root.floors)],
      [10, root.leastKrlNumber],
      [11, root.algorithms],
      [12, root.longestKrlLifeSeconds],
      [
        13,
        log &&
          cborMap([
            [1, log.logKeys],
            [2, log.witnessKeys],
            [3, log.quorum],
          ]),
      ],
    ]),
  )
}

const limits = { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 8 }

/** The version alone, of bytes that nobody vouches for: good for passing over what is held already, for nothing else. */
export const readRootVersion = (payload: Uint8Array): number => Fields.open('root', payload, limits).uint(3)

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `KEY_MALFORMED`, `CBOR_*`. */
export function parseRoot(payload: Uint8Array): Root {
  const fields = Fields.open('root', payload, limits)
  const namespace = fields.header()
  const keys = readKeys(fields)
  const root: Root = {
    namespace,
    version: fields.uint(3),
    issued: fields.uint(4),
    expires: fields.uint(5),
    keys,
    roles: readRoles(fields, keys),
    epoch: fields.uint(8),
    floors: readFloors(fields, 9),
    leastKrlNumber: fields.uint(10),
    algorithms: fields.array(11).map((alg) => asInteger(fields, alg)),
    longestKrlLifeSeconds: fields.uint(12),
    ...(fields.has(13) ? { log: readLog(fields) } : {}),
  }
  fields.finish()
  return root
}

function readKeys(fields: Fields): Map<string, RootKey> {
  const keys = new Map<string, RootKey>()
  for (const [id, row] of fields.entries(6)) {
    const [key, alg, notBefore, notAfter] = fields.asArray(6, row, 4)
    const keyId = toHex(fields.asBytes(6, id, 32))
    const coseKey = coseKeyFromCbor(key)
    // A key filed under another key's name would let one signature count for two.
    if (keyIdHexOf(coseKey) !== keyId) throw fields.refusal(6, 'a keyid is not the thumbprint of its key')
    keys.set(keyId, {
      keyId,
      key: coseKey,
      alg: asInteger(fields, alg),
      notBefore: fields.asUint(6, notBefore),
      notAfter: fields.asUint(6, notAfter),
    })
  }
  if (keys.size === 0) throw fields.refusal(6, 'no keys')
  return keys
}

function readRoles(fields: Fields, keys: ReadonlyMap<string, RootKey>): Map<KeyRole, RootRole> {
  const roles = new Map<KeyRole, RootRole>()
  const taken = new Set<string>()
  for (const [role, row] of fields.entries(7)) {
    if (typeof role !== 'string' || !isKeyRole(role)) throw fields.refusal(7, 'unknown role')
    const [threshold, ids] = fields.asArray(7, row, 2)
    const keyIds = fields.asArray(7, ids).map((id) => toHex(fields.asBytes(7, id, 32)))
    for (const keyId of keyIds) {
      if (!keys.has(keyId)) throw fields.refusal(7, 'a role names a key that is not listed')
      if (taken.has(keyId)) throw fields.refusal(7, 'a key is named twice: one key, one role')
      taken.add(keyId)
    }
    const needed = fields.asUint(7, threshold)
    if (needed < 1 || needed > keyIds.length) throw fields.refusal(7, 'threshold out of range')
    roles.set(role, { threshold: needed, keyIds })
  }
  if (!roles.has('root')) throw fields.refusal(7, 'no role root')
  return roles
}

function readLog(fields: Fields): LogAnchors {
  const log = new Fields('root', fields.entries(13))
  const anchors = {
    logKeys: log.array(1).map((key) => log.asText(1, key, 256)),
    witnessKeys: log.array(2).map((key) => log.asText(2, key, 256)),
    quorum: log.uint(3),
  }
  log.finish()
  if (anchors.logKeys.length < 1 || anchors.logKeys.length > 2) throw fields.refusal(13, 'one or two log keys')
  return anchors
}

/** Sequence floors by class id, as roots and KRLs hold them. */
export const floorsToCbor = (floors: ReadonlyMap<string, number>): CborMap =>
  cborMap([...floors].map(([classId, floor]): [CborKey, CborValue] => [fromHex(classId), floor]))

export function readFloors(fields: Fields, key: number): Map<string, number> {
  const floors = new Map<string, number>()
  for (const [classId, floor] of fields.entries(key))
    floors.set(toHex(fields.asBytes(key, classId, 16)), fields.asUint(key, floor))
  return floors
}

function asInteger(fields: Fields, value: CborValue | undefined): number {
  if (typeof value !== 'number') throw fields.refusal(6, 'an algorithm is not an integer')
  return value
}
