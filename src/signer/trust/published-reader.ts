import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { TrustCourier } from '../../protocol/signer-socket.js'
import { atStorage, findFile } from './published-storage.js'
import { RELEASE_FILE, ReleaseFileReader } from './release-file.js'

/** The folder that the release signer writes, seen from the online signer, which has no other source. */
export class PublishedReader {
  private taken = ''
  private readonly releases: ReleaseFileReader

  constructor(private readonly folder: string) {
    this.releases = new ReleaseFileReader(join(folder, RELEASE_FILE))
  }

  /**
   * What is there beyond what was taken, or null. Three looks at file dates when nothing changed.
   * @param rootVersion of the root held.
   */
  findNews(rootVersion: number): { courier: TrustCourier; stamp: string } | null {
    return atStorage(() => {
      const stamp = `${this.stampOf('policy.cbor')} ${this.stampOf('krl.cbor')}`
      const next = this.stampOf(rootName(rootVersion + 1))
      if (stamp === this.taken && next === '') return null
      // The writer puts roots first, so they are read last: whatever the others need is there by then.
      const policy = findFile(join(this.folder, 'policy.cbor'))
      const krl = findFile(join(this.folder, 'krl.cbor'))
      return { courier: { roots: this.rootsAfter(rootVersion), policy, krl }, stamp }
    })
  }

  /** Call when news were taken; until then the same news are found again, and refused again. */
  markTaken(stamp: string): void {
    this.taken = stamp
  }

  /** @returns null when no such release was published. */
  findRelease(digest: string): Uint8Array | null {
    return atStorage(() => this.releases.find(digest))
  }

  private rootsAfter(version: number): Uint8Array[] {
    const roots: Uint8Array[] = []
    for (;;) {
      const bytes = findFile(join(this.folder, rootName(version + roots.length + 1)))
      if (bytes === null) return roots
      roots.push(bytes)
    }
  }

  private stampOf(name: string): string {
    const stat = statSync(join(this.folder, name), { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? '' : `${stat.ino}:${stat.mtimeNs}:${stat.size}`
  }
}

const rootName = (version: number): string => join('roots', `${version}.cbor`)
