import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where one installation keeps everything. Short names: a UNIX socket's path has at most 107 bytes. */
export class Folders {
  private constructor(readonly root: string) {
    for (const name of ['postgres', 'broker', 'store', 'server', 'keys', 'fleet', 'published', 'release', 'online'])
      mkdirSync(join(root, name), { recursive: true, mode: 0o700 })
  }

  static temporary(): Folders {
    return new Folders(mkdtempSync(join(tmpdir(), 'countersign-')))
  }

  /** A folder that stays, for an installation that is started again. */
  static at(root: string): Folders {
    mkdirSync(root, { recursive: true, mode: 0o700 })
    return new Folders(root)
  }

  /** Person's keys, passphrases and logins: hidden from the server's process. */
  get keys(): string {
    return this.path('keys')
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts)
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
