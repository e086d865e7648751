import { randomBytes } from 'node:crypto'
import { sha256, utf8 } from '../../domain/bytes.js'

const SHAPE = /^cs[cd]_[A-Za-z0-9_-]{43}$/
const makeSecret = (prefix: 'csc' | 'csd'): string => `${prefix}_${randomBytes(32).toString('base64url')}`

/** Lets devices enrol: shown once, kept as its hash. */
export const makeClaimSecret = (): string => makeSecret('csc')
/** Lets one device poll and download; it signs nothing and proves nothing to another device. */
export const makeDeviceCredential = (): string => makeSecret('csd')
/** For the broker. */
export const makeBrokerPassword = (): string => randomBytes(24).toString('base64url')

/** One round is enough for 256 random bits. */
export const hashSecret = (text: string): Buffer => Buffer.from(sha256(utf8(text)))

/** @returns the secret of an `Authorization` header of that scheme, or null. */
export function findSecret(header: string | undefined, scheme: string): string | null {
  const [word = '', secret = '', ...more] = (header ?? '').split(' ')
  if (word.toLowerCase() !== scheme.toLowerCase() || more.length > 0) return null
  return SHAPE.test(secret) ? secret : null
}
