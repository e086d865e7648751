import { inspectFile } from '../../../inspect/inspector-process.js'
import type { EmbeddedKey } from '../../../inspect/key-ring.js'
import { Inspector, type Inspection } from './inspector.port.js'

/** So many at once: each is busy with one core. */
const MOST_AT_ONCE = 2

export class ProcessInspector extends Inspector {
  private running = 0
  private readonly waiting: (() => void)[] = []

  override async inspect(path: string, keys: readonly EmbeddedKey[], now: number): Promise<Inspection> {
    if (this.running >= MOST_AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.running += 1
    try {
      return await inspectFile(path, keys, now)
    } finally {
      // Whoever waits takes the place over.
      const next = this.waiting.shift()
      if (next === undefined) this.running -= 1
      else next()
    }
  }
}
