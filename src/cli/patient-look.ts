import { Refusal } from '../domain/refusal.js'
import { ServerRefusal } from './api-client.js'
import type { World } from './session.js'

const PAUSE_MS = 2_000
/** Five minutes: longer than a server takes to start, or a proxy to find another one. */
const MOST_LOOKS = 150
/** Answers of servers, and of proxies before them, that have only to be asked again. */
const passing = new Set([502, 503, 504])

/** Looks at the server again and again for a command that follows something: what passes by itself does not end it. */
export class PatientLook {
  private hasSeen = false

  constructor(private readonly world: World) {}

  /** @throws what the look throws: the first time of all at once, else what is no outage, or one that goes on. */
  async at<T>(look: () => Promise<T>): Promise<T> {
    for (let looks = 1; ; looks += 1) {
      try {
        const seen = await look()
        if (looks > 1) this.world.terminal.note('the server answers again')
        this.hasSeen = true
        return seen
      } catch (error) {
        const code = this.hasSeen && looks < MOST_LOOKS ? findOutage(error) : null
        if (code === null) throw error
        if (looks === 1) this.world.terminal.note(`${code}: asking again, for five minutes`)
      }
      await this.world.sleep(PAUSE_MS)
    }
  }
}

/** @returns its code, or null where asking again would not help. */
function findOutage(error: unknown): string | null {
  if (error instanceof ServerRefusal) return passing.has(error.status) ? error.code : null
  if (!(error instanceof Refusal)) return null
  return error.code === 'SERVER_UNREACHABLE' || error.code === 'SERVER_ANSWER' ? error.code : null
}
