import { MAX_DOCUMENT_BYTES } from '../domain/trust/labels.js'
import { readBlob } from './wire-fields.js'
import { encodeWireMap, openWireMap } from './wire-cbor.js'

/** "Something is waiting for you": the HTTP resource holds the same and more. */
export interface OfferMessage {
  /** The signed assignment. */
  readonly assignment: Uint8Array
  /** 32 bytes. */
  readonly manifestSha256: Uint8Array
  readonly imageSizeBytes: number
  /** Each device waits its own hash-derived share of this before it downloads. */
  readonly jitterSeconds: number
}

const MAX_OFFER_BYTES = MAX_DOCUMENT_BYTES + 256

export const encodeOfferMessage = (offer: OfferMessage): Uint8Array => encodeWireMap({ ...offer })

/** @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseOfferMessage(bytes: Uint8Array): OfferMessage {
  const fields = openWireMap('offer', bytes, MAX_OFFER_BYTES)
  const offer = {
    assignment: readBlob(fields, MAX_DOCUMENT_BYTES)('assignment'),
    manifestSha256: fields.bytes('manifestSha256', 32),
    imageSizeBytes: fields.uint('imageSizeBytes'),
    jitterSeconds: fields.uint('jitterSeconds'),
  }
  fields.finish()
  return offer
}

/** Retained for a whole namespace; names what is newest, so that a device knows what to fetch. Numbers are 0 for none. */
export interface TrustMessage {
  readonly rootVersion: number
  readonly krlNumber: number
  /** SHA-256 of the signed KRL, 32 bytes; zeros for none. */
  readonly krlSha256: Uint8Array
  readonly freshness?: Uint8Array
}

export const encodeTrustMessage = (trust: TrustMessage): Uint8Array => encodeWireMap({ ...trust })

/** @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parseTrustMessage(bytes: Uint8Array): TrustMessage {
  const fields = openWireMap('trust message', bytes, MAX_OFFER_BYTES)
  const trust = {
    rootVersion: fields.uint('rootVersion'),
    krlNumber: fields.uint('krlNumber'),
    krlSha256: fields.bytes('krlSha256', 32),
    ...(fields.has('freshness') ? { freshness: readBlob(fields, MAX_DOCUMENT_BYTES)('freshness') } : {}),
  }
  fields.finish()
  return trust
}

/** Presence: a hint, never a fact. `connection` grows with every connect, so a late last will is told from a new one. */
export interface PresenceMessage {
  readonly isOnline: boolean
  readonly connection: number
  readonly rootVersion: number
  readonly krlNumber: number
}

export const encodePresenceMessage = (presence: PresenceMessage): Uint8Array => encodeWireMap({ ...presence })

/** @throws Refusal `DOCUMENT_TOO_LARGE`, `DOCUMENT_MALFORMED` naming the member, `CBOR_*`. */
export function parsePresenceMessage(bytes: Uint8Array): PresenceMessage {
  const fields = openWireMap('presence', bytes, 256)
  const isOnline = fields.value('isOnline')
  if (typeof isOnline !== 'boolean') throw fields.refusal('isOnline', 'not a boolean')
  const presence = {
    isOnline,
    connection: fields.uint('connection'),
    rootVersion: fields.uint('rootVersion'),
    krlNumber: fields.uint('krlNumber'),
  }
  fields.finish()
  return presence
}
