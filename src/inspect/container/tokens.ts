import { Unreadable } from '../unreadable.js'

/** A bound on memory: a description may have 4 MiB. */
const MOST_TOKENS = 50_000

/**
 * The tokens of a configuration, without white space and comments.
 * @param shape sticky; each of its alternatives decides by its first characters.
 * @param whyNot what is wrong at a place that none of them fits.
 * @throws Unreadable
 */
export function tokensOf(text: string, shape: RegExp, whyNot: (at: number) => Unreadable): string[] {
  const tokens: string[] = []
  const next = new RegExp(shape)
  while (next.lastIndex < text.length) {
    const at = next.lastIndex
    const token = next.exec(text)?.[0]
    if (token === undefined) throw whyNot(at)
    if (tokens.length > MOST_TOKENS) throw new Unreadable('its description is too long')
    if (!/^(\s|#|\/\/|\/\*)/.test(token)) tokens.push(token)
  }
  return tokens
}
