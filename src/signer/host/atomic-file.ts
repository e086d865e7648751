import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { open, rename, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** Makes the entries of a folder (new names, renames) survive a power cut. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Replaces a file so that readers see the old bytes or the new ones, also after a power cut. One writer at a time. */
export function writeFileAtomically(path: string, bytes: Uint8Array, mode = 0o644): void {
  const folder = dirname(path)
  const draft = join(folder, `.${basename(path)}.draft`)
  const descriptor = openSync(draft, 'w', mode)
  try {
    writeFileSync(descriptor, bytes)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, path)
  syncFolder(folder)
}

/** The same for what nobody waits for: other requests go on while the disk works. */
export async function writeFileAtomicallyAside(path: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.draft`)
  await flushed(draft, 'w', mode, (file) => file.writeFile(bytes))
  await rename(draft, path)
  await flushed(dirname(path), 'r', mode, async () => undefined)
}

async function flushed(
  path: string,
  flags: string,
  mode: number,
  use: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, mode)
  try {
    await use(file)
    await file.sync()
  } finally {
    await file.close()
  }
}
