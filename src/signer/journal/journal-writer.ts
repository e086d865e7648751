import { close, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'
import { appendLines, type JournalHead, type JournalLine } from '../../domain/journal/journal-chain.js'
import { MeasuredSpeed } from '../../token/measured-speed.js'
import { Refusal } from '../../domain/refusal.js'
import { errnoOf } from '../host/errno.js'
import { bodyOf, type TimedEntry } from '../../domain/signer-journal/journal-entry.js'
import type { OpenJournal } from './journal-file.js'

const writeBytes = promisify(write)
const closeFile = promisify(close)

/** A write into room that is there already changes no size of the file: its flush is one write of the disk instead of several. */
const ROOM_BYTES = 262_144
const noRoomLeft: readonly (string | null)[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

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
 * Adds entries to a file whose writes are flushes, in room that was laid out ahead with zeros. Those that arrive in one turn of the event loop, or while the disk is
 * busy, share the next one (group commit), in the order they came. A quick disk is waited for by the whole process, a slow one by another thread.
 * After a failed write nobody knows what the disk holds, so nothing is accepted any more until a start has read it again.
 */
export class JournalWriter implements JournalSink {
  private waiting: Waiting[] = []
  private running: Promise<void> | null = null
  private broken: Refusal | null = null
  private end: JournalHead
  /** Where the next frame goes, and where the room for it ends. */
  private at: number
  private roomEnd: number
  private readonly descriptor: number
  private readonly disk = new MeasuredSpeed()

  /** @param isAlone nobody else waits for this process: nobody can come to share a flush. */
  constructor(
    private readonly namespace: string,
    journal: OpenJournal,
    private readonly isAlone: () => boolean = () => false,
  ) {
    this.end = journal.head
    this.at = journal.wholeBytes
    this.roomEnd = journal.sizeBytes
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
    while (this.waiting.length > 0) {
      // Whoever comes in the same turn of the event loop shares the flush.
      if (!this.isAlone()) await new Promise(setImmediate)
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
    if (this.at + frame.length > this.roomEnd) await this.layOut(Math.max(ROOM_BYTES, frame.length))
    const startedMs = performance.now()
    // With the others' signatures to verify, threads have a line before them that is longer than a quick flush.
    if (this.disk.isQuick) this.writeNow(frame)
    else await this.writeAside(frame, this.at)
    this.disk.took(performance.now() - startedMs)
    this.at += frame.length
    // Past it where there was no room to lay out: what is laid out later begins behind the frames.
    this.roomEnd = Math.max(this.roomEnd, this.at)
    this.end = head
  }

  /** On a disk that is full there may be enough for this frame still: its own write will say. */
  private async layOut(sizeBytes: number): Promise<void> {
    try {
      await this.writeAside(new Uint8Array(sizeBytes), this.roomEnd)
      this.roomEnd += sizeBytes
    } catch (error) {
      if (!noRoomLeft.includes(errnoOf(error))) throw error
    }
  }

  private writeNow(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.descriptor, bytes, done, bytes.length - done, this.at + done)
  }

  private async writeAside(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length;)
      done += (await writeBytes(this.descriptor, bytes, done, bytes.length - done, at + done)).bytesWritten
  }
}
