import { sha256 } from '../../domain/bytes.js'
import { encodeCbor } from '../../domain/cbor/encode.js'
import { cborMap } from '../../domain/cbor/value.js'

/** Ids, digests in hex and numbers; no sentences, no secrets. */
export type AuditDetail = Readonly<Record<string, string | number | boolean>>

export interface ChainedEntry {
  readonly namespace: string
  /** From 1, without a gap. */
  readonly number: number
  readonly at: number
  readonly actor: string
  readonly event: string
  readonly detail: AuditDetail
  readonly previousSha256: Uint8Array
}

/** What the first entry of a namespace follows. */
export const CHAIN_START = new Uint8Array(32)

/**
 * The hash that the next entry will name, so that an entry changed later no longer fits the ones after it.
 * CDDL: [namespace, number, at, actor, event, { * tstr => tstr / int / bool }, previous: bstr .size 32]
 */
export const entrySha256 = (entry: ChainedEntry): Uint8Array =>
  sha256(
    encodeCbor([
      entry.namespace,
      entry.number,
      entry.at,
      entry.actor,
      entry.event,
      cborMap(Object.entries(entry.detail)),
      entry.previousSha256,
    ]),
  )
