import { Unreadable } from '../unreadable.js'
import type { Setting } from './libconfig.js'

const MOST_DEPTH = 32

/** JSON as settings: objects become maps, so that no name of a stranger reaches a prototype. @throws Unreadable. */
export function readJson(text: string, what: string): Setting {
  try {
    return settingOf(JSON.parse(text), 0)
  } catch (error) {
    if (error instanceof SyntaxError) throw new Unreadable(`${what} is no JSON`, { cause: error })
    throw error
  }
}

function settingOf(value: unknown, depth: number): Setting {
  if (depth > MOST_DEPTH) throw new Unreadable('JSON is nested too deep')
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.map((each) => settingOf(each, depth + 1))
  // null says no more than absence.
  return new Map(Object.entries(value ?? {}).map(([name, each]) => [name, settingOf(each, depth + 1)]))
}
