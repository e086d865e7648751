import { Unreadable } from '../unreadable.js'
import type { Setting } from './libconfig.js'

const MOST_DEPTH = 32

/**
 * JSON as settings: objects become maps, so that no name of a stranger reaches a prototype.
 * @throws Unreadable, also where an object has a name twice: readers take the first or the last, and Go does not tell case apart.
 */
export function readJson(text: string, what: string): Setting {
  try {
    const value: unknown = JSON.parse(text)
    requireNamesOnce(text, what)
    return settingOf(value, 0)
  } catch (error) {
    if (error instanceof SyntaxError) throw new Unreadable(`${what} is no JSON`, { cause: error })
    throw error
  }
}

/** Names as Go compares them: signs that are the same in upper case or in lower case are the same. */
export const foldCase = (name: string): string => name.toUpperCase().toLowerCase()

/** Walks text that is JSON: the parser keeps only one of two names. */
function requireNamesOnce(text: string, what: string): void {
  const open: Set<string>[] = []
  for (const [token, , colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (colon !== undefined) {
      const name = foldCase(String(JSON.parse(token.slice(0, -colon.length))))
      if (open.at(-1)?.has(name) === true) throw new Unreadable(`${what} says "${name}" twice`)
      open.at(-1)?.add(name)
    }
  }
}

function settingOf(value: unknown, depth: number): Setting {
  if (depth > MOST_DEPTH) throw new Unreadable('JSON is nested too deep')
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((each) => settingOf(each, depth + 1))
  // null says no more than absence.
  return new Map(Object.entries(value ?? {}).map(([name, each]) => [name, settingOf(each, depth + 1)]))
}
