import { randomBytes } from 'node:crypto'
import { equalBytes, sha256, utf8 } from '../../domain/bytes.js'

const SHAPE = /^cst_([0-9a-f]{32})_[A-Za-z0-9_-]{43}$/

/** The text a person keeps: `cst_`, the token's id, and 256 random bits. We keep its SHA-256. */
export const makeTokenText = (id: string): string =>
  `cst_${id.replaceAll('-', '')}_${randomBytes(32).toString('base64url')}`

/** @returns the id that the text names, or null when it is no token of ours. */
export function findTokenId(text: string): string | null {
  const hex = SHAPE.exec(text)?.[1]
  return hex === undefined ? null : hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** One round is enough: 256 random bits cannot be guessed, however fast the hash is. */
export const hashToken = (text: string): Uint8Array => sha256(utf8(text))

/** Compared in constant time: how much of a hash fits is nobody's to measure. */
export const isTokenText = (text: string, held: Uint8Array): boolean => equalBytes(hashToken(text), held)
