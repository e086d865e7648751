import { readFileSync } from 'node:fs'
import { Refusal } from '../domain/refusal.js'

/**
 * The PIN in the first line of a file. It is read anew for every login and not kept: the PIN is in memory only while it is used.
 * @throws Refusal `FILE_UNREADABLE`; `TOKEN_PIN` for an empty file.
 */
export function readPin(path: string): string {
  const pin = readText(path).split(/\r?\n/, 1)[0] ?? ''
  if (pin === '') throw new Refusal('TOKEN_PIN', { why: 'the PIN file is empty' })
  return pin
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unreadable'
    throw new Refusal('FILE_UNREADABLE', { path, why }, { cause: error })
  }
}
