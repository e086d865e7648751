import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { HeldTrust } from '../../domain/signer-journal/held-trust.js'
import { syncFolder, writeFileAtomically } from '../host/atomic-file.js'
import { atStorage, isHolding } from './published-storage.js'
import { RELEASE_FILE, ReleaseFile } from './release-file.js'

/**
 * The folder from which the online signer learns: roots, policy, KRL, releases. Written by the release signer alone.
 * Everything in it can be made again from the journal.
 */
export class PublishedFolder {
  private published: HeldTrust | null = null
  private readonly releases: ReleaseFile

  constructor(private readonly folder: string) {
    this.releases = new ReleaseFile(join(folder, RELEASE_FILE))
    atStorage(() => mkdirSync(join(folder, 'roots'), { recursive: true }))
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
   * Not flushed: what a power cut leaves of it is refused by the online signer (checks 21 and 22) until this signer starts, reads
   * its journal, where the release is on the disk already, and writes it again. The same holds for half a release: nobody is told
   * of it before this is done. Of one that is there already the new signature counts from one moment to the next.
   * @param digest SUIT digest of the manifest, 64 hex digits.
   */
  publishRelease(digest: string, envelope: Uint8Array): void {
    atStorage(() => this.releases.append(digest, envelope))
  }

  /** At a start, from the journal: by digest, each as it was signed last. */
  publishReleasesAgain(envelopes: ReadonlyMap<string, Uint8Array>): void {
    atStorage(() => this.releases.replace(envelopes))
  }

  private put(name: string, bytes: Uint8Array): void {
    const path = join(this.folder, name)
    atStorage(() => {
      if (!isHolding(path, bytes)) writeFileAtomically(path, bytes)
    })
  }

  private remove(name: string): void {
    const path = join(this.folder, name)
    atStorage(() => {
      if (!existsSync(path)) return
      rmSync(path)
      syncFolder(this.folder)
    })
  }
}
