import { close, write, writeSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { appendLines, type JournalHead, type JournalLine } from '../../domain/journal/journal-chain.js'
import { MeasuredSpeed } from '../../token/measured-speed.js'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from '../host/errno.js'
import { bodyOf, type TimedEntry } from '../../domain/signer-journal/journal-entry.js'
import type { OpenJournal } from './journal-file.js'

const writeBytes = promisify(write)
const closeFile = promisify(close)

interface Waiting {
  readonly line: JournalLine
  resolve(): void
  reject(error: Refusal): void
}

/** Where entries go; a promise means "on the disk". */
export interface JournalSink {
  append(entry: TimedEntry): Promise<void>
}

/**
 * Appends entries to a file whose writes are flushes. Those that arrive while the disk is busy share the next one (group
 * commit), in the order they came, as do those of one turn of the event loop.
 * After a failed write nobody knows what the disk holds, so nothing is accepted any more until a start has read it again.
 */
export class JournalWriter implements JournalSink {
  private waiting: Waiting[] = []
  private running: Promise<void> | null = null
  private broken: Refusal | null = null
  private end: JournalHead
  private readonly descriptor: number
  private readonly disk = new MeasuredSpeed()

  /** @param isAlone nobody else waits for this process: where the disk is quick it is waited for then, without another thread. */
  constructor(
    private readonly namespace: string,
    journal: OpenJournal,
    private readonly isAlone: () => boolean = () => false,
  ) {
    this.end = journal.head
    this.descriptor = journal.descriptor
  }

  /** Up to where the journal is on the disk. */
  get head(): JournalHead {
    return this.end
  }

  /** @throws Refusal `SIGNER_STORAGE`; the entry may or may not be on the disk then, as after a crash. */
  append({ time, entry }: TimedEntry): Promise<void> {
    if (this.broken !== null) return Promise.reject(this.broken)
    const line = { time, kind: entry.kind, body: bodyOf(entry) }
    return new Promise((resolve, reject) => {
      this.waiting.push({ line, resolve, reject })
      this.running ??= this.run()
    })
  }

  /** Waits for what was accepted, then closes the file. */
  async close(): Promise<void> {
    await this.running
    this.broken ??= new Refusal('SIGNER_STORAGE', { why: 'the journal is closed' })
    await closeFile(this.descriptor)
  }

  private async run(): Promise<void> {
    // Whoever came at the same time has passed its checks when this turn ends, and is counted.
    if (this.isAlone()) await nextTurn()
    while (this.waiting.length > 0) {
      const group = this.waiting
      this.waiting = []
      try {
        await this.write(group.map(({ line }) => line))
        for (const one of group) one.resolve()
      } catch (error) {
        this.broken = new Refusal('SIGNER_STORAGE', { why: `journal: ${errnoOf(error) ?? 'failed'}` }, { cause: error })
        for (const one of [...group, ...this.waiting.splice(0)]) one.reject(this.broken)
      }
    }
    this.running = null
  }

  private async write(lines: readonly JournalLine[]): Promise<void> {
    const { frame, head } = appendLines(this.end, this.namespace, lines)
    const isWaitedFor = lines.length === 1 && this.disk.isQuick && this.isAlone()
    const startedMs = performance.now()
    for (let at = 0; at < frame.length;)
      at += isWaitedFor
        ? writeSync(this.descriptor, frame, at)
        : (await writeBytes(this.descriptor, frame, at, frame.length - at, null)).bytesWritten
    this.disk.took(performance.now() - startedMs)
    this.end = head
  }
}
