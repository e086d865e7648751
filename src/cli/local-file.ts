import { randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Refusal } from '../domain/refusal.js'

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown'

function reasonOf(error: unknown): string {
  const words = new Map([
    ['ENOENT', 'there is no such file'],
    ['EACCES', 'not permitted'],
    ['EISDIR', 'it is a folder'],
  ])
  return words.get(codeOf(error)) ?? codeOf(error)
}

/** A pipe or a device has no end, or gives its bytes only once. @returns its size in bytes. @throws Refusal `FILE_UNREADABLE`. */
export function requireRegularFile(path: string): number {
  let why: string | null
  let sizeBytes: number
  try {
    const found = statSync(path)
    sizeBytes = found.size
    why = found.isFile() ? null : found.isDirectory() ? 'it is a folder' : 'it is no regular file'
  } catch (error) {
    throw new Refusal('FILE_UNREADABLE', { path, why: reasonOf(error) }, { cause: error })
  }
  if (why !== null) throw new Refusal('FILE_UNREADABLE', { path, why })
  return sizeBytes
}

/** @throws Refusal `FILE_UNREADABLE`; also for a file above the bound, which is no document of ours. */
export function readLocalFile(path: string, maxBytes = 4_194_304): Uint8Array {
  try {
    const bytes = readUpTo(path, maxBytes + 1)
    if (bytes.length > maxBytes) throw new Refusal('FILE_UNREADABLE', { path, why: `above ${maxBytes} bytes` })
    return bytes
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('FILE_UNREADABLE', { path, why: reasonOf(error) }, { cause: error })
  }
}

/** What is no file says no size, and may have no end. */
function readUpTo(path: string, limitBytes: number): Uint8Array {
  const descriptor = openSync(path, 'r')
  const pieces: Buffer[] = []
  try {
    for (let missing = limitBytes; missing > 0;) {
      const piece = Buffer.alloc(Math.min(missing, 65_536))
      const count = readSync(descriptor, piece)
      if (count === 0) break
      pieces.push(piece.subarray(0, count))
      missing -= count
    }
  } finally {
    closeSync(descriptor)
  }
  return new Uint8Array(Buffer.concat(pieces))
}

export const readLocalText = (path: string): string => Buffer.from(readLocalFile(path)).toString('utf8')

/** @returns the bytes, or null when there is no such file. @throws Refusal `FILE_UNREADABLE` for any other reason. */
export function findLocalFile(path: string): Uint8Array | null {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw new Refusal('FILE_UNREADABLE', { path, why: reasonOf(error) }, { cause: error })
  }
}

/** Replaces a file as a whole: a reader sees the old bytes or the new ones. Folders are made with mode 0700. */
export function replaceLocalFile(path: string, bytes: Uint8Array | string, mode: number): void {
  withTemporary(path, bytes, mode, (temporary) => renameSync(temporary, path))
}

/** For whoever asks people for something first: nobody gives a passphrase, or makes a secret, for a file that cannot be written. @throws Refusal `FILE_EXISTS`, `FILE_UNREADABLE`. */
export function requireNoFile(path: string | undefined): void {
  if (path !== undefined && isTaken(path)) throw new Refusal('FILE_EXISTS', { path })
}

function isTaken(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    // Below a file, or behind a closed door: what cannot be looked at cannot be written either.
    throw new Refusal('FILE_UNREADABLE', { path, why: reasonOf(error) }, { cause: error })
  }
}

/** Like `replaceLocalFile`, but never over another file. @throws Refusal `FILE_EXISTS`. */
export function createLocalFile(path: string, bytes: Uint8Array | string, mode: number): void {
  // A link fails where the name is taken, so of two writers one loses and nothing is overwritten.
  withTemporary(path, bytes, mode, (temporary) => linkSync(temporary, path))
}

/** With those above it, mode 0700. Node's own way of doing that never ends where no folder can be made, as in /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return
  makeFolder(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

function withTemporary(path: string, bytes: Uint8Array | string, mode: number, place: (path: string) => void): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.new`
  try {
    makeFolder(dirname(path))
    writeFileSync(temporary, bytes, { mode, flag: 'wx', flush: true })
    place(temporary)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw new Refusal('FILE_EXISTS', { path }, { cause: error })
    throw new Refusal('FILE_UNREADABLE', { path, why: reasonOf(error) }, { cause: error })
  } finally {
    rmSync(temporary, { force: true })
  }
}
