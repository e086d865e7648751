import { fromHex, toHex } from '../bytes.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap, type CborKey, type CborValue } from '../cbor/value.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { Fields } from './fields.js'
import { MAX_KRL_BYTES, MAX_KRL_ITEMS } from './labels.js'
import { floorsToCbor, parseRoot, readFloors, type Root } from './root.js'
import { openMultiSigned } from './signed-document.js'

/** What is remembered of KRLs: the numbers of the newest, and the union of all that were taken in this epoch. */
export interface HeldKrl {
  readonly number: number
  /** SHA-256 of the newest KRL as it was received, hex. */
  readonly sha256: string
  readonly issued: number
  readonly nextUpdate: number
  readonly hardExpiry: number
  /** Reason by key id. */
  readonly keys: ReadonlyMap<string, number>
  /** Reason by manifest digest. */
  readonly manifests: ReadonlyMap<string, number>
  readonly floors: ReadonlyMap<string, number>
}

/** What a device (or a signer, or the server) believes about one namespace, and has verified. */
export interface TrustState {
  /** The newest root as it was received, and parsed. */
  readonly rootBytes: Uint8Array
  readonly root: Root
  readonly krl: HeldKrl | null
  /** The newest freshness statement that held, as it was received: for answers that come without one. None with a nonce. */
  readonly freshness: Uint8Array | null
  /** Largest time in any verified document, seconds: the clock of devices that have none. Never lowered. */
  readonly latestSeconds: number
  /** Sequence and SUIT digest (hex) of what is installed; 0 and null on a blank device. */
  readonly installedSequence: number
  readonly installedDigest: string | null
}

/**
 * A state that trusts `rootBytes`, the root inside a device's firmware or a pinned file.
 * It must be signed by its own threshold; that it is the right one is the anchor's business.
 * @throws Refusal when the document is not a whole root.
 */
export function anchorState(rootBytes: Uint8Array, algorithms: AlgorithmTable): TrustState {
  const opened = openMultiSigned('root', rootBytes, algorithms)
  const root = parseRoot(opened.payload)
  opened.requireThreshold(root, 'root', new Map(), null)
  opened.requireEachCounted('root')
  return {
    rootBytes,
    root,
    krl: null,
    freshness: null,
    latestSeconds: root.issued,
    installedSequence: 0,
    installedDigest: null,
  }
}

/** Union of revoked keys, empty without a KRL. */
export const revokedKeysOf = (state: TrustState): ReadonlyMap<string, number> => state.krl?.keys ?? new Map()

/** Sequence floor of a class: the highest that a root or a KRL named. */
export const floorOf = (state: TrustState, classId: string): number =>
  Math.max(state.root.floors.get(classId) ?? 0, state.krl?.floors.get(classId) ?? 0)

export const raiseClock = (state: TrustState, seconds: number): TrustState =>
  seconds > state.latestSeconds ? { ...state, latestSeconds: seconds } : state

const reasonsToCbor = (reasons: ReadonlyMap<string, number>): CborValue =>
  cborMap([...reasons].map(([id, reason]): [CborKey, CborValue] => [fromHex(id), reason]))

/** The state as bytes for storage. Storage adds its own checksum; this is no signed document. */
export function encodeTrustState(state: TrustState): Uint8Array {
  const krl = state.krl
  return encodeCbor(
    cborMap([
      [1, state.rootBytes],
      [
        2,
        krl === null
          ? undefined
          : cborMap([
              [1, krl.number],
              [2, fromHex(krl.sha256)],
              [3, krl.issued],
              [4, krl.nextUpdate],
              [5, krl.hardExpiry],
              [6, reasonsToCbor(krl.keys)],
              [7, reasonsToCbor(krl.manifests)],
              [8, floorsToCbor(krl.floors)],
            ]),
      ],
      [3, state.latestSeconds],
      [4, state.installedSequence],
      [5, state.installedDigest === null ? undefined : fromHex(state.installedDigest)],
      [6, state.freshness ?? undefined],
    ]),
  )
}

/** @throws Refusal when the bytes are not a state; the signatures were verified before it was stored. */
export function decodeTrustState(bytes: Uint8Array): TrustState {
  const limits = { maxBytes: 4 * MAX_KRL_BYTES, maxDepth: 4, maxItems: MAX_KRL_ITEMS }
  const fields = Fields.open('trust-state', bytes, limits)
  const rootBytes = readDocument(fields, 1)
  const state: TrustState = {
    rootBytes,
    root: parseRoot(openMultiSigned('root', rootBytes, new Map()).payload),
    krl: fields.has(2) ? readHeldKrl(new Fields('trust-state', fields.entries(2))) : null,
    freshness: fields.has(6) ? readDocument(fields, 6) : null,
    latestSeconds: fields.uint(3),
    installedSequence: fields.uint(4),
    installedDigest: fields.has(5) ? toHex(fields.bytes(5, 32)) : null,
  }
  fields.finish()
  return state
}

function readDocument(fields: Fields, key: number): Uint8Array {
  const bytes = fields.value(key)
  if (!(bytes instanceof Uint8Array)) throw fields.refusal(key, 'not bytes')
  return bytes
}

function readHeldKrl(fields: Fields): HeldKrl {
  const krl: HeldKrl = {
    number: fields.uint(1),
    sha256: toHex(fields.bytes(2, 32)),
    issued: fields.uint(3),
    nextUpdate: fields.uint(4),
    hardExpiry: fields.uint(5),
    keys: readReasons(fields, 6),
    manifests: readReasons(fields, 7),
    floors: readFloors(fields, 8),
  }
  fields.finish()
  return krl
}

function readReasons(fields: Fields, key: number): Map<string, number> {
  const reasons = new Map<string, number>()
  for (const [id, reason] of fields.entries(key))
    reasons.set(toHex(fields.asBytes(key, id, 32)), fields.asUint(key, reason))
  return reasons
}

export { sha256Hex } from '../bytes.js'
