import { randomBytes } from 'node:crypto'
import { sha256, utf8 } from '../../domain/bytes.js'

/** 32 hex digits, the form that fleets which spoke to another server already have. */
export const makeDdiToken = (): string => randomBytes(16).toString('hex')

/** For a device without a token of its own: nobody knows what this is the hash of. */
export const unknowableHash = (): Buffer => randomBytes(32)

/** Bound to the one client, so that equal tokens of two clients do not look alike. */
export const hashTargetToken = (namespace: string, controllerId: string, token: string): Uint8Array =>
  sha256(utf8(`ddi target ${namespace} ${controllerId} ${token}`))

export const hashGatewayToken = (namespace: string, token: string): Uint8Array =>
  sha256(utf8(`ddi gateway ${namespace} ${token}`))

/** The name under which rollouts and the online signer know a client: it has no key whose thumbprint this could be. */
export const deviceIdOf = (namespace: string, controllerId: string): string =>
  Buffer.from(sha256(utf8(`ddi device ${namespace} ${controllerId}`))).toString('hex')

/** @returns the secret of an `Authorization` header of that scheme, or null. */
export function findToken(header: string | undefined, scheme: 'TargetToken' | 'GatewayToken'): string | null {
  if (header === undefined || header.length > 200) return null
  const space = header.indexOf(' ')
  if (space === -1 || header.slice(0, space).toLowerCase() !== scheme.toLowerCase()) return null
  const token = header.slice(space + 1).trim()
  return /^[\x21-\x7e]{1,128}$/.test(token) ? token : null
}
