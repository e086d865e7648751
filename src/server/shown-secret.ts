import { hash } from 'node:crypto'
import { equalBytes } from '../domain/bytes.js'

/**
 * What an `Authorization` header that was found authentic is known by from then on, for as long as nothing about its owner changes: its
 * hash, so that memory holds no secret, compared in constant time.
 */
export const hashShown = (header: string | undefined): Uint8Array => hash('sha256', header ?? '', 'buffer')

export const isShown = (header: string | undefined, known: Uint8Array): boolean =>
  header !== undefined && equalBytes(hashShown(header), known)
