import { fromHex, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborValue } from '../cbor/value.js'
import { Fields } from './fields.js'
import { MAX_KRL_BYTES, MAX_KRL_ITEMS } from './labels.js'
import { floorsToCbor, readFloors } from './root.js'

export interface RevokedKey {
  readonly keyId: string
  /** 0 to 6; for people, as `time` is: no decision uses either. */
  readonly reason: number
  readonly time: number
}
export interface RevokedManifest {
  /** SUIT digest of the manifest, 64 hex digits. */
  readonly digest: string
  readonly reason: number
}

/** The key revocation list of one namespace. @see docs/formats/krl.md */
export interface Krl {
  readonly namespace: string
  readonly number: number
  readonly issued: number
  /** A newer KRL is due by then; being late is a warning. */
  readonly nextUpdate: number
  /** No new installs after this. */
  readonly hardExpiry: number
  readonly leastRootVersion: number
  readonly epoch: number
  readonly keys: readonly RevokedKey[]
  readonly manifests: readonly RevokedManifest[]
  readonly floors: ReadonlyMap<string, number>
  /** SHA-256 of the KRL before, for auditors; zeros for the first. */
  readonly previousSha256: Uint8Array
}

export const encodeKrl = (krl: Krl): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, 1],
      [2, krl.namespace],
      [3, krl.number],
      [4, krl.issued],
      [5, krl.nextUpdate],
      [6, krl.hardExpiry],
      [7, krl.leastRootVersion],
      [8, krl.epoch],
      [9, krl.keys.map((row): CborValue => [fromHex(row.keyId), row.reason, row.time])],
      [10, krl.manifests.map((row): CborValue => [fromHex(row.digest), row.reason])],
      [11, floorsToCbor(krl.floors)],
      [12, krl.previousSha256],
    ]),
  )

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseKrl(payload: Uint8Array): Krl {
  const fields = Fields.open('krl', payload, { maxBytes: MAX_KRL_BYTES, maxDepth: 4, maxItems: MAX_KRL_ITEMS })
  const krl: Krl = {
    namespace: fields.header(),
    number: fields.uint(3),
    issued: fields.uint(4),
    nextUpdate: fields.uint(5),
    hardExpiry: fields.uint(6),
    leastRootVersion: fields.uint(7),
    epoch: fields.uint(8),
    keys: fields.array(9).map((row) => readRevokedKey(fields, row)),
    manifests: fields.array(10).map((row) => readRevokedManifest(fields, row)),
    floors: readFloors(fields, 11),
    previousSha256: fields.bytes(12, 32),
  }
  fields.finish()
  return krl
}

function readRevokedKey(fields: Fields, row: CborValue): RevokedKey {
  const [keyId, reason, time] = fields.asArray(9, row, 3)
  return {
    keyId: toHex(fields.asBytes(9, keyId, 32)),
    reason: readReason(fields, 9, reason),
    time: fields.asUint(9, time),
  }
}

function readRevokedManifest(fields: Fields, row: CborValue): RevokedManifest {
  const [digest, reason] = fields.asArray(10, row, 2)
  return { digest: toHex(fields.asBytes(10, digest, 32)), reason: readReason(fields, 10, reason) }
}

function readReason(fields: Fields, key: number, value: CborValue | undefined): number {
  const reason = fields.asUint(key, value)
  if (reason > 6) throw fields.refusal(key, 'a reason is not 0 to 6')
  return reason
}
