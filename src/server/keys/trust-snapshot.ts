import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { parseSign } from '../../domain/cose/sign.js'
import { parseSign1 } from '../../domain/cose/sign1.js'
import { parseKrl, type Krl } from '../../domain/trust/krl.js'
import { MAX_DOCUMENT_BYTES, MAX_KRL_BYTES } from '../../domain/trust/labels.js'
import { parsePolicy, type Policy } from '../../domain/trust/policy.js'
import { takeKrl } from '../../domain/trust/take-krl.js'
import { anchorState, type TrustState } from '../../domain/trust/trust-state.js'
import { walkRoots } from '../../domain/trust/walk-root.js'

/** Signed bytes as they were received (I-3), and since when we hold them. */
export interface StoredDocument {
  readonly version: number
  readonly document: Uint8Array
  readonly storedMs: number
}
export interface StoredFreshness {
  readonly document: Uint8Array
  readonly time: number
  readonly krlNumber: number
  readonly rootVersion: number
}
export interface StoredTrust {
  /** From version 1, without a gap. */
  readonly roots: readonly StoredDocument[]
  readonly policy: StoredDocument | null
  /** The newest that was stored, of whatever epoch. */
  readonly newestKrl: StoredDocument | null
  readonly freshness: StoredFreshness | null
}

/** All that is known about one namespace at a moment. */
export interface TrustSnapshot extends StoredTrust {
  readonly namespace: string
  /** Verified from root 1 on. */
  readonly state: TrustState
  /** The newest KRL of the epoch we are in: the one that is sent. */
  readonly krl: StoredDocument | null
  /** The newest policy, parsed; its expiry is checked where it is used. */
  readonly policyContent: Policy | null
  readonly krlContent: Krl | null
}

/**
 * Walks the stored documents as a device that was there all the time: each root and the KRL in the order they came.
 * A KRL is judged at the time it was stored: its key may have ended or left the root since, and what it revoked stays revoked.
 */
function makeSnapshot(namespace: string, stored: StoredTrust): TrustSnapshot {
  const [first, ...later] = stored.roots
  if (first === undefined) throw new Error(`no root is stored for ${namespace}`)
  const { newestKrl: krl } = stored
  const before = later.filter((row) => krl === null || row.storedMs <= krl.storedMs)
  let state = walk(anchorState(first.document, nativeAlgorithms), before)
  const content = krl === null ? null : openKrl(krl.document)
  if (krl !== null && content?.epoch === state.root.epoch)
    state = takeKrl(state, krl.document, Math.floor(krl.storedMs / 1_000), nativeAlgorithms)
  state = walk(state, later)
  // An epoch bump ends the KRLs before it: they are history and no longer sent to anybody.
  const isOfEpoch = content?.epoch === state.root.epoch
  return {
    ...stored,
    namespace,
    state,
    krl: isOfEpoch ? krl : null,
    krlContent: isOfEpoch ? content : null,
    policyContent: stored.policy === null ? null : openPolicyContent(stored.policy.document),
  }
}

/** Like `makeSnapshot`; where no document is new, what was verified before stays, as the same object. */
export function followSnapshot(namespace: string, held: TrustSnapshot | null, stored: StoredTrust): TrustSnapshot {
  const newest = (trust: StoredTrust): string =>
    [trust.roots.at(-1)?.version, trust.policy?.version, trust.newestKrl?.version].join(' ')
  if (held === null || newest(held) !== newest(stored)) return makeSnapshot(namespace, stored)
  return { ...held, freshness: stored.freshness }
}

const walk = (state: TrustState, rows: readonly StoredDocument[]): TrustState =>
  walkRoots(
    state,
    rows.map((row) => row.document),
    nativeAlgorithms,
    () => undefined,
  )

const openKrl = (bytes: Uint8Array): Krl => parseKrl(parseSign1(bytes, MAX_KRL_BYTES).payload ?? new Uint8Array(0))

const openPolicyContent = (bytes: Uint8Array): Policy => parsePolicy(parseSign(bytes, MAX_DOCUMENT_BYTES).payload)
