import { closeSync, mkdirSync, open, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { syncFolder, writeFileAtomically } from '../host/atomic-file.js'
import { errnoOf } from '../host/errno.js'
import type { HeldTrust } from '../../domain/signer-journal/held-trust.js'

const openFile = promisify(open)

/**
 * The folder from which the online signer learns: roots, policy, KRL, releases. Written by the release signer alone.
 * Everything in it can be made again from the journal.
 */
export class PublishedFolder {
  private published: HeldTrust | null = null
  private drafts = 0

  constructor(private readonly folder: string) {
    atStorage(() => {
      mkdirSync(join(folder, 'roots'), { recursive: true })
      mkdirSync(join(folder, 'releases'), { recursive: true })
    })
  }

  /** Roots first: who reads the KRL finds the root that it needs. What was published last is not looked at again. */
  publishTrust(held: HeldTrust): void {
    if (held === this.published) return
    for (const [version, bytes] of held.roots) this.put(join('roots', `${version}.cbor`), bytes)
    if (held.policy !== null) this.put('policy.cbor', held.policy.bytes)
    if (held.krlBytes !== null) this.put('krl.cbor', held.krlBytes)
    else this.remove('krl.cbor')
    this.published = held
  }

  /**
   * Not flushed: what a power cut leaves of it is refused by the online signer (check 22) until this signer starts, reads its
   * journal, where the release is on the disk already, and writes it again. The same holds for half a file: nobody is told of the
   * release before this is done. One that is there already was signed again, and changes from one moment to the next.
   * @param digest SUIT digest of the manifest, 64 hex digits.
   */
  async publishRelease(digest: string, envelope: Uint8Array): Promise<void> {
    const path = join(this.folder, releaseName(digest))
    await atStorageAsync(async () => {
      // What may wait for the disk is left to another thread.
      const descriptor = await openNew(path)
      if (descriptor === null) return this.replaceRelease(path, envelope)
      try {
        writeFileSync(descriptor, envelope)
      } finally {
        closeSync(descriptor)
      }
    })
  }

  private replaceRelease(path: string, envelope: Uint8Array): void {
    const draft = join(this.folder, 'releases', `.${(this.drafts += 1)}.draft`)
    writeFileSync(draft, envelope, { mode: 0o644 })
    renameSync(draft, path)
  }

  /** At a start, from the journal: by digest, each as it was signed last. */
  publishReleasesAgain(envelopes: ReadonlyMap<string, Uint8Array>): void {
    for (const [digest, envelope] of envelopes) this.put(releaseName(digest), envelope)
  }

  private put(name: string, bytes: Uint8Array): void {
    const path = join(this.folder, name)
    atStorage(() => {
      const present = findFile(path)
      if (present === null || !equalBytes(present, bytes)) writeFileAtomically(path, bytes)
    })
  }

  private remove(name: string): void {
    const path = join(this.folder, name)
    atStorage(() => {
      if (findFile(path) === null) return
      rmSync(path)
      syncFolder(this.folder)
    })
  }
}

/** @returns null when there is such a file. */
async function openNew(path: string): Promise<number | null> {
  try {
    return await openFile(path, 'wx', 0o644)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return null
    throw error
  }
}

const releaseName = (digest: string): string => join('releases', `${digest}.cbor`)

/** @returns null when there is no such file. */
export function findFile(path: string): Uint8Array | null {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null
    throw error
  }
}

/** A system error of the folder as a refusal. */
export function atStorage<T>(use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw storageRefusal(error)
  }
}

async function atStorageAsync<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } catch (error) {
    throw storageRefusal(error)
  }
}

function storageRefusal(error: unknown): unknown {
  const errno = errnoOf(error)
  if (errno === null) return error
  return new Refusal('SIGNER_STORAGE', { why: `published folder: ${errno}` }, { cause: error })
}
