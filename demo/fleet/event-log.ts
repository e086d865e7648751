import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'

/** What a device of a fleet said last. */
export interface LastWord {
  readonly id: string
  readonly state: string
  readonly sequence: number
  readonly code?: string
}
interface Line extends Partial<LastWord> {
  readonly event: string
  readonly index: number
}

const PIECE_BYTES = 1_048_576

/** Follows what simulated devices print, one JSON object a line, in files that grow; holds one word a device. */
export class EventLog {
  readonly words = new Map<number, LastWord>()
  readonly enrolled = new Set<number>()
  private readonly read = new Map<string, { offset: number; rest: string }>()

  /** Reads what is new in a file. */
  follow(file: string): void {
    if (!existsSync(file)) return
    const place = this.read.get(file) ?? { offset: 0, rest: '' }
    this.read.set(file, place)
    const descriptor = openSync(file, 'r')
    try {
      const buffer = Buffer.alloc(PIECE_BYTES)
      while (place.offset < fstatSync(descriptor).size) {
        const count = readSync(descriptor, buffer, 0, PIECE_BYTES, place.offset)
        place.offset += count
        const lines = (place.rest + buffer.toString('latin1', 0, count)).split('\n')
        place.rest = lines.pop() ?? ''
        for (const line of lines) this.take(line)
      }
    } finally {
      closeSync(descriptor)
    }
  }

  private take(text: string): void {
    if (!text.startsWith('{')) return
    const { event, index, id = '', state, sequence, code } = JSON.parse(text) as Line
    if (event === 'enrolled') this.enrolled.add(index)
    if (event !== 'device' || state === undefined || sequence === undefined) return
    this.words.set(index, { id, state, sequence, ...(code === undefined ? {} : { code }) })
  }
}
