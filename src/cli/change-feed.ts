import { answerChunks } from './answer-chunks.js'
import type { ApiClient } from './api-client.js'

/** One message of server-sent events is no longer than this; whatever is behind it is dropped unread. */
const MAX_LINE = 65_536

/**
 * Tells when the server has said something new about one thing, by server-sent events (WHATWG HTML §9.2). It is a hint to
 * look again and never believed: a stream that is refused, breaks off or was never there only makes looks less prompt.
 */
export class ChangeFeed {
  private readonly ending = new AbortController()
  private isNew = false
  private wake: () => void = () => undefined
  private readonly reading: Promise<void>
  /** False: changes have to be looked for. */
  isLive = false

  constructor(
    api: ApiClient,
    types: readonly string[],
    private readonly about: string,
  ) {
    const query = types.map((type) => `type=${encodeURIComponent(type)}`).join('&')
    this.reading = this.read(api, `/events?${query}`).catch(() => undefined)
  }

  /** Resolves when something is new, or when `patience` does. */
  async changed(patience: Promise<void>): Promise<void> {
    const news = this.isNew ? undefined : new Promise<void>((resolve) => (this.wake = resolve))
    await Promise.race([news, patience])
    this.isNew = false
  }

  async end(): Promise<void> {
    this.ending.abort()
    await this.reading
  }

  private async read(api: ApiClient, path: string): Promise<void> {
    try {
      const { signal } = this.ending
      const response = await api.send(path, { headers: { accept: 'text/event-stream' }, signal })
      if (response.headers.get('content-type') !== 'text/event-stream') return await response.body?.cancel()
      this.isLive = true
      const decoder = new TextDecoder()
      let rest = ''
      for await (const chunk of answerChunks(response, signal)) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
        rest = (lines.pop() ?? '').slice(0, MAX_LINE)
        if (lines.some((line) => line.startsWith('data:') && line.includes(this.about))) this.tell()
      }
    } finally {
      this.isLive = false
      this.tell()
    }
  }

  private tell(): void {
    this.isNew = true
    this.wake()
  }
}
