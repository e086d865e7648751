import { readFileSync } from 'node:fs'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from '../host/errno.js'

/** @returns null when there is no such file. */
export function findFile(path: string): Uint8Array | null {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

/** A system error of the published folder as a refusal. @throws Refusal `SIGNER_STORAGE`. */
export function atStorage<T>(use: () => T): T {
  try {
    return use()
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === null) throw error
    throw new Refusal('SIGNER_STORAGE', { why: `published folder: ${errno}` }, { cause: error })
  }
}
