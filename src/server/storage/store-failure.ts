import { Refusal } from '../../domain/refusal.js'
import { errorCodeOf } from '../error-code.js'

/** What a disk says when it has no room: for anybody, or for us. */
const full = ['ENOSPC', 'EDQUOT']
/** What a disk says when it is broken, or gone. */
const words = new Map([
  ['EIO', 'the disk fails'],
  ['EROFS', 'the disk is read-only'],
  ['ENOTDIR', 'its folder is no folder'],
  ['EEXIST', 'its folder is no folder'],
  ['ENOENT', 'its folder is gone'],
  ['EACCES', 'not permitted'],
  ['EMFILE', 'too many open files'],
  ['ENFILE', 'too many open files'],
])

/** A failure of the disk as a refusal that people can act on; anything else stays what it is. */
export function asStoreFailure(error: unknown): unknown {
  const code = errorCodeOf(error)
  if (full.includes(code)) return new Refusal('STORE_FULL', {}, { cause: error })
  const why = words.get(code)
  return why === undefined ? error : new Refusal('STORE_UNAVAILABLE', { why }, { cause: error })
}

/** Runs one step at the store. @throws Refusal `STORE_FULL`, `STORE_UNAVAILABLE`. */
export async function atStore<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw asStoreFailure(error)
  }
}
