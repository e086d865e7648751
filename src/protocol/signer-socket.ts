import { decodeCbor } from '../domain/cbor/decode.js'
import { encodeCbor } from '../domain/cbor/encode.js'
import { cborMap, type CborKey, type CborValue } from '../domain/cbor/value.js'
import { Refusal } from '../domain/refusal.js'

/**
 * The socket between the server and a signer. A frame is a 32-bit big-endian length and one deterministic CBOR map.
 * Requests carry an id; answers come with the same id, in any order. The server is a courier: nothing it says is believed.
 */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024
const frameLimits = { maxBytes: MAX_FRAME_BYTES, maxDepth: 6 }

/** Signed documents as they were received; the signer walks and checks them itself. */
export interface TrustCourier {
  /** Signed roots in order of version; those the signer holds already are passed over. */
  readonly roots: readonly Uint8Array[]
  readonly policy: Uint8Array | null
  readonly krl: Uint8Array | null
}

/** What people order the signer itself to do; `order` is the payload that they approved. */
interface SignerOrder {
  readonly requestId: string
  readonly approvals: readonly Uint8Array[]
  readonly order: Uint8Array
}

export type SignerRequest =
  | { readonly operation: 'status' }
  | { readonly operation: 'knows-image'; readonly imageSha256: Uint8Array }
  /** Exactly `imageSizeBytes` raw bytes follow the frame, on a connection used for nothing else. */
  | { readonly operation: 'hash-image'; readonly imageSizeBytes: number }
  | {
      readonly operation: 'sign'
      readonly trust: TrustCourier
      readonly requestId: string
      readonly submission: Uint8Array
      readonly approvals: readonly Uint8Array[]
      readonly manifest: Uint8Array
      readonly text: Uint8Array
    }
  /** The same manifest and text once more, with a newer key and approvals of operation `re-sign`. */
  | {
      readonly operation: 're-sign'
      readonly trust: TrustCourier
      readonly requestId: string
      readonly approvals: readonly Uint8Array[]
      readonly manifest: Uint8Array
      readonly text: Uint8Array
    }
  | {
      readonly operation: 'krl'
      readonly trust: TrustCourier
      readonly requestId: string
      readonly approvals: readonly Uint8Array[]
      /** Payload to be signed. */
      readonly krl: Uint8Array
    }
  /** Newer roots, policy or an emergency KRL, to be held and published. */
  | { readonly operation: 'import'; readonly trust: TrustCourier }
  | ({ readonly operation: 'resume' } & SignerOrder)
  | ({ readonly operation: 'clock-reset' } & SignerOrder)
  | { readonly operation: 'freshness'; readonly nonce: Uint8Array | null }
  | {
      readonly operation: 'assign'
      readonly deviceId: string
      readonly manifestSha256: Uint8Array
      /** Payload bytes of the rollout plan and the approvals over its SHA-256. */
      readonly plan: Uint8Array
      readonly approvals: readonly Uint8Array[]
    }
  /** A certificate for a device of this namespace; its request, and the changes of its key that lead there. */
  | { readonly operation: 'certify'; readonly request: Uint8Array; readonly keyChanges: readonly Uint8Array[] }
  /** The certificate of the authority that issues them. */
  | { readonly operation: 'device-ca' }
export type SignerOperation = SignerRequest['operation']

/** What a signer holds; numbers are 0 while it holds none. */
export interface SignerStatus {
  readonly namespace: string
  readonly process: string
  readonly suspended: boolean
  /** Names the suspension, 16 bytes; empty while there is none. */
  readonly suspensionId: Uint8Array
  /** Largest time seen, seconds. */
  readonly lastSeen: number
  readonly sandboxed: boolean
  readonly rootVersion: number
  readonly policyVersion: number
  readonly krlNumber: number
  /** Highest signed sequence by class id (32 hex digits). */
  readonly sequences: ReadonlyMap<string, number>
  readonly keyIds: readonly string[]
}

/** The answer to each operation. */
export interface SignerAnswers {
  status: SignerStatus
  'knows-image': { readonly known: boolean }
  'hash-image': { readonly imageSha256: Uint8Array }
  sign: { readonly envelope: Uint8Array }
  're-sign': { readonly envelope: Uint8Array }
  krl: { readonly krl: Uint8Array }
  import: SignerStatus
  resume: SignerStatus
  'clock-reset': SignerStatus
  freshness: { readonly freshness: Uint8Array }
  assign: { readonly assignment: Uint8Array }
  /** X.509, DER. */
  certify: { readonly certificate: Uint8Array }
  'device-ca': { readonly certificate: Uint8Array }
}

/** A refusal as it crosses the socket: a code and the number of the check, nothing else. */
export interface SignerRefusal {
  readonly code: string
  readonly check: number
}

export type AnswerFrame =
  | { readonly id: number; readonly ok: true; readonly body: ReadonlyMap<string, CborValue> }
  | { readonly id: number; readonly ok: false; readonly refusal: SignerRefusal }

/** A length and that many bytes. */
export const frame = (body: Uint8Array): Uint8Array => {
  const out = new Uint8Array(4 + body.length)
  new DataView(out.buffer).setUint32(0, body.length)
  out.set(body, 4)
  return out
}

/** A plain object as a CBOR map with text keys; nested plain objects likewise. */
function toCbor(value: unknown): CborValue {
  if (Array.isArray(value)) return value.map(toCbor)
  if (value instanceof Uint8Array || value === null || typeof value !== 'object') return value as CborValue
  if (value instanceof Map) return cborMap([...value].map(([key, inner]) => [key as CborKey, toCbor(inner)] as const))
  return cborMap(Object.entries(value).map(([key, inner]) => [key, toCbor(inner)] as const))
}

export const encodeRequestFrame = (id: number, request: SignerRequest): Uint8Array =>
  frame(encodeCbor(toCbor({ id, request })))

export const encodeAnswerFrame = (id: number, body: SignerAnswers[SignerOperation]): Uint8Array =>
  frame(encodeCbor(toCbor({ id, body })))

export const encodeRefusalFrame = (id: number, refusal: SignerRefusal): Uint8Array =>
  frame(encodeCbor(toCbor({ id, refusal })))

const malformed = (why: string): Refusal => new Refusal('FRAME_MALFORMED', { why })

function asMap(value: CborValue | undefined, what: string): ReadonlyMap<string, CborValue> {
  if (!(value instanceof Map)) throw malformed(`${what} is not a map`)
  return value as ReadonlyMap<string, CborValue>
}

function readId(map: ReadonlyMap<string, CborValue>): number {
  const id = map.get('id')
  if (typeof id !== 'number' || id < 0) throw malformed('id')
  return id
}

/** @throws Refusal `FRAME_MALFORMED`, `CBOR_*`. The request's members are read by `parseRequest` of signer-socket-request.ts. */
export function decodeRequestBody(body: Uint8Array): { id: number; request: ReadonlyMap<string, CborValue> } {
  const map = asMap(decodeCbor(body, frameLimits), 'frame')
  if (map.size !== 2) throw malformed('unexpected member')
  return { id: readId(map), request: asMap(map.get('request'), 'request') }
}

export function decodeAnswerBody(body: Uint8Array): AnswerFrame {
  const map = asMap(decodeCbor(body, frameLimits), 'frame')
  const id = readId(map)
  if (!map.has('refusal')) return { id, ok: true, body: asMap(map.get('body'), 'body') }
  const refusal = asMap(map.get('refusal'), 'refusal')
  const code = refusal.get('code')
  const check = refusal.get('check')
  if (typeof code !== 'string' || typeof check !== 'number') throw malformed('refusal')
  return { id, ok: false, refusal: { code, check } }
}
