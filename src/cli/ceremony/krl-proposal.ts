import { InvalidArgumentError } from 'commander'
import { toHex } from '../../domain/bytes.js'
import { encodeKrl } from '../../domain/trust/krl.js'
import { findClassId } from '../device-class.js'
import { emergencyNumber } from '../emergency-krl.js'
import { nextKrl, requireRevocableKey } from '../krl-change.js'
import type { HeldTrust } from '../trust-store.js'

/** What a ceremony adds to the list before. Nothing: new dates. */
export interface KrlProposal {
  readonly revoke?: readonly string[]
  readonly withdraw?: readonly string[]
  readonly floor?: readonly ClassNumber[]
  readonly reason: number
  /** An emergency key will sign it: it may name the signer's own key, and its number is far ahead. */
  readonly emergency?: boolean
}

/** @returns the payload of the list after the one that is held. @throws Refusal of `requireRevocableKey`. */
export function proposeKrlPayload(held: HeldTrust, proposal: KrlProposal, now: number): Uint8Array {
  const { revoke = [], withdraw = [], floor = [], reason, emergency = false } = proposal
  const by = emergency ? 'emergency-krl' : 'krl'
  const keys = revoke.map((text) => ({ keyId: requireRevocableKey(held, text, by).keyId, reason, time: now }))
  const manifests = withdraw.map((digest) => ({ digest, reason }))
  const krl = nextKrl(held, { keys, manifests, floors: new Map(floor) }, now)
  return encodeKrl(emergency ? { ...krl, number: emergencyNumber(held) } : krl)
}

/** A class id, 32 hex digits, and a sequence. */
export type ClassNumber = readonly [classId: string, sequence: number]

/** Reads `CLASS-ID=NUMBER` of an option. */
export function parseClassNumber(text: string): ClassNumber {
  const [name = '', number = '', ...more] = text.split('=')
  const classId = findClassId(name)
  if (classId === null || more.length > 0 || !/^\d{1,15}$/.test(number))
    throw new InvalidArgumentError('a class id, "=" and a sequence number')
  return [toHex(classId), Number(number)]
}

/** Reads a SHA-256 of an option, in hex. */
export function parseDigest(text: string): string {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new InvalidArgumentError('64 lower-case hex digits')
  return text
}
