import type { MessageSigner } from '../../domain/cose/sign1.js'
import type { HeldTrust } from '../trust-store.js'

/** What several holders sign, each on their own machine. */
export type CeremonyName = 'root' | 'policy' | 'krl' | 'resume-signer' | 'clock-reset'

/** All that a machine without a network has to judge by. */
export interface CeremonyContext {
  readonly now: number
  /** Root, and where they are there policy and KRL, verified; null before root 1. */
  readonly held: HeldTrust | null
  /** The signed document that came before; null when there is none, or it was not given. */
  readonly before: Uint8Array | null
  /** The role to approve in, where a person has several. */
  readonly role?: string
}

/** A payload in words. */
export interface ReadDocument {
  readonly namespace: string
  /** "root 2 of gateway/prod" */
  readonly title: string
  readonly says: readonly string[]
  /** The difference to the version before; null when there is one and it was not given. */
  readonly changes: readonly string[] | null
  /** SHA-256 of the version before, hex; null for a first one. */
  readonly comparedWith: string | null
}

/** Whose signature counts, and for what. */
export interface Counted {
  readonly keyId: string
  /** "root", "approval as security" */
  readonly as: string
}
export interface OpenDocument {
  readonly payload: Uint8Array
  readonly counted: readonly Counted[]
}

/** One kind of document that people sign together. Nothing here reads or writes a file. */
export interface CeremonyKind {
  readonly name: CeremonyName
  /** @throws Refusal for a payload that is malformed, or cannot follow the version before. */
  read(payload: Uint8Array, context: CeremonyContext): ReadDocument
  /** @returns as what the signature of this key counts. @throws Refusal `KEY_UNKNOWN`, `APPROVER_UNKNOWN`, … when it would not. */
  requireHolder(payload: Uint8Array, keyId: string, context: CeremonyContext): string
  /** One holder's part, to be assembled with those of others. */
  sign(payload: Uint8Array, signer: MessageSigner, context: CeremonyContext): Promise<Uint8Array>
  /** The document with all parts; whether they suffice is for `open` to say. */
  assemble(payload: Uint8Array, parts: readonly Uint8Array[], context: CeremonyContext): Uint8Array
  /** The spec of the version after this one, for those kinds that are made from one. */
  specAfter?(payload: Uint8Array, now: number): object
  /** The payload of an assembled document, unverified. */
  payloadOf(bytes: Uint8Array): Uint8Array
  /** Verifies an assembled document as those will who are given it. @throws Refusal of the first thing that does not hold. */
  open(bytes: Uint8Array, context: CeremonyContext): OpenDocument
}
