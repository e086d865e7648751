import { Refusal } from '../refusal.js'

/** `column` is where it begins in the text, counted from 1. */
export interface Token {
  readonly kind: 'word' | 'text' | 'number' | 'version' | 'sign' | 'end'
  /** As written; of a text what is between the quotes, its escapes resolved. */
  readonly value: string
  readonly column: number
}

/** Digits that a double and a decimal of the database agree on: 15 at the most. */
export const NUMBER = /^-?\d{1,9}(\.\d{1,6})?$/
const SHAPES: readonly (readonly [Token['kind'] | 'space', RegExp])[] = [
  ['space', /\s+/y],
  ['sign', /<=|>=|!=|[=<>(),]/y],
  ['text', /"(?:[^"\\]|\\["\\])*"/y],
  ['version', /\d+\.\d+\.\d[\w.+-]*/y],
  ['number', /-?\d[\w.+-]*/y],
  ['word', /[A-Za-z_][\w.-]*/y],
]

export const filterRefusal = (column: number, why: string, options?: ErrorOptions): Refusal =>
  new Refusal('FILTER_INVALID', { column, why }, options)

/**
 * Splits the text of a filter; the last token is `end`.
 * @throws Refusal `FILTER_INVALID` naming the column.
 */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const { kind, raw } = shapeAt(text, at)
    const column = at + 1
    if (kind === 'text') tokens.push({ kind, value: textOf(raw, column), column })
    else if (kind !== 'space') tokens.push({ kind, value: raw, column })
    at += raw.length
  }
  return [...tokens, { kind: 'end', value: '', column: text.length + 1 }]
}

function shapeAt(text: string, at: number): { kind: Token['kind'] | 'space'; raw: string } {
  for (const [kind, shape] of SHAPES) {
    shape.lastIndex = at
    const raw = shape.exec(text)?.[0]
    if (raw !== undefined) return { kind, raw }
  }
  if (text[at] === '"')
    throw filterRefusal(at + 1, 'a text that begins here has no closing quote, or an escape other than \\" and \\\\')
  throw filterRefusal(
    at + 1,
    `${JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0))} is not understood here`,
  )
}

function textOf(raw: string, column: number): string {
  const value = raw.slice(1, -1).replaceAll(/\\(["\\])/g, '$1')
  // The database keeps neither; a value that it would change could never be found.
  if (value.includes('\0') || /\p{Surrogate}/u.test(value))
    throw filterRefusal(column, 'a text has a character that no device can have')
  return value
}
