import { readFileSync } from 'node:fs'
import { fromHex, toHex, utf8 } from '../../domain/bytes.js'
import type { JournalHead } from '../../domain/journal/journal-chain.js'
import { Refusal } from '../../domain/refusal.js'
import { writeFileAtomically, writeFileAtomicallyAside } from '../host/atomic-file.js'
import { errnoOf } from '../host/errno.js'

/** How far a journal may have grown unmarked when the process is killed. */
const FOLLOW_MS = 5_000

/**
 * How far the journal reached, in the file `<stateFolder>.mark` beside the state: a journal without that place in it is an older one
 * that was put back.
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
  set(head: JournalHead): void {
    try {
      writeFileAtomically(this.path, textOf(head), 0o600)
    } catch (error) {
      throw this.unusable(error)
    }
  }

  /**
   * From now on the mark comes after the journal: neither a crash nor a kill leaves it at the start. Nobody waits for it.
   * @param onFailure told once in a row; it is tried again. @returns what ends it.
   */
  follow(headNow: () => JournalHead, onFailure: (refusal: Refusal<'SIGNER_STORAGE'>) => void): () => Promise<void> {
    let marked = headNow().index
    let hasFailed = false
    let running: Promise<void> = Promise.resolve()
    const advance = async (): Promise<void> => {
      const head = headNow()
      if (head.index === marked) return
      try {
        await writeFileAtomicallyAside(this.path, textOf(head), 0o600)
        marked = head.index
        hasFailed = false
      } catch (error) {
        if (!hasFailed) onFailure(this.unusable(error))
        hasFailed = true
      }
    }
    const timer = setInterval(() => {
      running = running.then(advance)
    }, FOLLOW_MS)
    timer.unref()
    return () => {
      clearInterval(timer)
      return running
    }
  }

  private unusable(error: unknown): Refusal<'SIGNER_STORAGE'> {
    return new Refusal('SIGNER_STORAGE', { why: `${this.path}: ${errnoOf(error) ?? 'failed'}` }, { cause: error })
  }
}

const textOf = ({ index, sha256 }: JournalHead): Uint8Array => utf8(`${index} ${toHex(sha256)}\n`)
