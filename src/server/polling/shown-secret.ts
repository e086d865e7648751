import { hash } from 'node:crypto'

/**
 * What an `Authorization` header that was found authentic is known by from then on, for as long as nothing about its owner changes: its
 * hash, so that memory holds no secret. As text: a buffer for each poll costs the collector of garbage more than the hash does.
 */
export const hashShown = (header: string | undefined): string => hash('sha256', header ?? '', 'base64url')

/** In a time that does not tell how much of the hash is right. */
export function isShown(header: string | undefined, known: string): boolean {
  const shown = hashShown(header)
  let difference = shown.length ^ known.length
  for (let index = 0; index < known.length; index += 1) difference |= shown.charCodeAt(index) ^ known.charCodeAt(index)
  return header !== undefined && difference === 0
}
