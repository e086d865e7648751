import { readFileSync } from 'node:fs'
import { Refusal } from '../domain/refusal.js'

/** Gives the PIN for one login. It is asked anew for every login and not kept here: the PIN is in memory only while it is used. */
export type PinSource = () => string

export const pinFromFile =
  (path: string): PinSource =>
  () =>
    readPin(path)

const LONGEST_PIN_BYTES = 256

/**
 * The PIN in the first line of a file.
 * @throws Refusal `FILE_UNREADABLE`; `TOKEN_PIN` for an empty file and for one that holds no PIN.
 */
export function readPin(path: string): string {
  const pin = readText(path).split(/\r?\n/, 1)[0] ?? ''
  if (pin === '') throw new Refusal('TOKEN_PIN', { why: 'the PIN file is empty' })
  if (Buffer.byteLength(pin) > LONGEST_PIN_BYTES || pin.includes('\0'))
    throw new Refusal('TOKEN_PIN', { why: 'the first line of the PIN file is no PIN' })
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
