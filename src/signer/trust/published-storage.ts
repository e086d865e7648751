import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { MAX_FRAME_BYTES } from '../../protocol/signer-socket.js'
import { errnoOf } from '../host/errno.js'

/**
 * A file to be read. What is none is not: a device or a pipe has no end, and a pipe whose other end nobody has does not even open.
 * @returns null when nothing is there. @throws Refusal `SIGNER_STORAGE`, and what the system says.
 */
export function openFile(path: string): number | null {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (fstatSync(descriptor).isFile()) return descriptor
    closeSync(descriptor)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
  throw new Refusal('SIGNER_STORAGE', { why: `published folder: ${basename(path)} is no file` })
}

/**
 * @param mostBytes what a request could bring as well: nothing larger is read.
 * @returns null when there is no such file. @throws Refusal `SIGNER_STORAGE`, and what the system says.
 */
export function findFile(path: string, mostBytes: number = MAX_FRAME_BYTES): Uint8Array | null {
  const descriptor = openFile(path)
  if (descriptor === null) return null
  try {
    const { size } = fstatSync(descriptor)
    if (size > mostBytes)
      throw new Refusal('SIGNER_STORAGE', {
        why: `published folder: ${basename(path)} is larger than ${mostBytes} bytes`,
      })
    const bytes = new Uint8Array(size)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, size, 0))
  } finally {
    closeSync(descriptor)
  }
}

/** True when the file holds exactly these bytes already. */
export function isHolding(path: string, bytes: Uint8Array): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isFile() !== true || stat.size !== bytes.length) return false
  return equalBytes(findFile(path, bytes.length) ?? new Uint8Array(0), bytes)
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
