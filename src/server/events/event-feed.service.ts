import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common'
import { DecisionLog } from '../http/decision-log.service.js'
import { EventStore } from './event-store.service.js'

const LOOK_MS = 250

/** Tells whoever waits that there are newer events. Looks only while somebody waits: one question a round, however many they are. */
@Injectable()
export class EventFeed implements BeforeApplicationShutdown {
  private readonly waiting = new Set<{ readonly beyond: number; readonly wake: () => void }>()
  private timer: NodeJS.Timeout | undefined
  private isStopping = false

  constructor(
    private readonly events: EventStore,
    private readonly log: DecisionLog,
  ) {}

  /** Ends every wait: streams see it and close. */
  beforeApplicationShutdown(): void {
    this.isStopping = true
    clearTimeout(this.timer)
    for (const { wake } of this.waiting) wake()
  }

  get isOpen(): boolean {
    return !this.isStopping
  }

  /** Resolves when there is an event beyond that position, the signal says so, or the server stops. */
  async waitBeyond(beyond: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.isStopping) return
    let wake: () => void = () => undefined
    const woken = new Promise<void>((resolve) => {
      wake = resolve
    })
    const entry = { beyond, wake }
    this.waiting.add(entry)
    signal.addEventListener('abort', wake)
    this.schedule()
    await woken
    signal.removeEventListener('abort', wake)
    this.waiting.delete(entry)
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      void this.look()
        .catch((error: unknown) => this.log.error('event-feed.failed', error))
        .finally(() => {
          this.timer = undefined
          if (this.waiting.size > 0 && !this.isStopping) this.schedule()
        })
    }, LOOK_MS).unref()
  }

  private async look(): Promise<void> {
    await this.events.place()
    const newest = await this.events.newestPosition()
    for (const { beyond, wake } of this.waiting) if (beyond < newest) wake()
  }
}
