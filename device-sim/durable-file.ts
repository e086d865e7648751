import { closeSync, fdatasyncSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** @returns the file's bytes, or null when there is no such file. */
export function findFile(path: string): Uint8Array | null {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/**
 * Writes a whole file and returns when it is on the medium. Synchronous on purpose: nothing that a device does next
 * may overtake it. A power cut in between leaves a torn file; whoever reads it has to notice.
 * @param isFlushed false leaves the flush to the operating system: safe from a cut that is simulated, not from a real one.
 */
export function writeWhole(path: string, bytes: Uint8Array, isFlushed = true): void {
  const file = openSync(path, 'w', 0o600)
  try {
    let written = 0
    while (written < bytes.length) written += writeSync(file, bytes, written)
    if (isFlushed) fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** As `writeWhole`, and a power cut at any byte of it leaves the file of before, whole. */
export function replaceWhole(path: string, bytes: Uint8Array): void {
  writeWhole(`${path}.new`, bytes)
  renameSync(`${path}.new`, path)
  flushFolderOf(path)
}

/** Makes the names in the folder of `path` durable: a new file can otherwise vanish although its content was flushed. */
export function flushFolderOf(path: string): void {
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
