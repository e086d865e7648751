import { readFileSync } from 'node:fs'
import { fromHex, toHex, utf8 } from '../../domain/bytes.js'
import type { JournalHead } from '../../domain/journal/journal-chain.js'
import { Refusal } from '../../domain/refusal.js'
import { writeFileAtomically } from '../host/atomic-file.js'
import { errnoOf } from '../host/errno.js'

/**
 * How far the journal reached at the last start or stop, in the file `<stateFolder>.mark` beside the state: a journal without
 * that place in it is an older one that was put back.
 */
export class JournalMark {
  private readonly path: string

  constructor(stateFolder: string) {
    this.path = `${stateFolder}.mark`
  }

  /** @returns null when there is none, or none that can be read as one. @throws Refusal `SIGNER_STORAGE`. */
  find(): JournalHead | null {
    try {
      const match = /^(\d{1,15}) ([0-9a-f]{64})$/.exec(readFileSync(this.path, 'utf8').trim())
      return match === null ? null : { index: Number(match[1]), sha256: fromHex(match[2] ?? '') }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null
      throw this.unusable(error)
    }
  }

  /** Call when the journal is on the disk up to there. @throws Refusal `SIGNER_STORAGE`. */
  set({ index, sha256 }: JournalHead): void {
    try {
      writeFileAtomically(this.path, utf8(`${index} ${toHex(sha256)}\n`), 0o600)
    } catch (error) {
      throw this.unusable(error)
    }
  }

  private unusable(error: unknown): Refusal {
    return new Refusal('SIGNER_STORAGE', { why: `${this.path}: ${errnoOf(error) ?? 'failed'}` }, { cause: error })
  }
}
