import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { equalBytes } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { syncFolder, writeFileAtomically } from '../host/atomic-file.js'
import { errnoOf } from '../host/errno.js'
import type { HeldTrust } from '../../domain/signer-journal/held-trust.js'

/**
 * The folder from which the online signer learns: roots, policy, KRL, releases. Written by the release signer alone.
 * Everything in it can be made again from the journal.
 */
export class PublishedFolder {
  constructor(private readonly folder: string) {
    atStorage(() => {
      mkdirSync(join(folder, 'roots'), { recursive: true })
      mkdirSync(join(folder, 'releases'), { recursive: true })
    })
  }

  /** Roots first: who reads the KRL finds the root that it needs. */
  publishTrust(held: HeldTrust): void {
    for (const [version, bytes] of held.roots) this.put(join('roots', `${version}.cbor`), bytes)
    if (held.policy !== null) this.put('policy.cbor', held.policy.bytes)
    if (held.krlBytes !== null) this.put('krl.cbor', held.krlBytes)
    else this.remove('krl.cbor')
  }

  /** @param digest SUIT digest of the manifest, 64 hex digits. */
  publishRelease(digest: string, envelope: Uint8Array): void {
    this.put(join('releases', `${digest}.cbor`), envelope)
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
    const errno = errnoOf(error)
    if (errno === null) throw error
    throw new Refusal('SIGNER_STORAGE', { why: `published folder: ${errno}` }, { cause: error })
  }
}
