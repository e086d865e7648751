import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { EventFeed } from './event-feed.service.js'
import type { EventStore, StoredEvent } from './event-store.service.js'

const BATCH = 200
/** A line now and then, so that proxies do not take silence for death. */
const HEARTBEAT_MS = 15_000

export interface StreamQuery {
  readonly namespace: string
  readonly after: number
  readonly types: readonly string[]
}

/**
 * Server-sent events (WHATWG HTML §9.2) until the reader goes or the server stops. Events are read in batches and the next batch
 * waits for the reader, so that a slow one costs no memory. `id` is the position: `Last-Event-ID` goes on behind it.
 */
export async function streamEvents(
  response: ServerResponse,
  { namespace, after, types }: StreamQuery,
  events: EventStore,
  feed: EventFeed,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // It ends with the server: a connection kept for more would hold that up.
    connection: 'close',
    // nginx would collect them.
    'x-accel-buffering': 'no',
  })
  const send = async (text: string): Promise<void> => {
    if (!response.write(text)) await Promise.race([once(response, 'drain'), once(gone.signal, 'abort')])
  }
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS)
  try {
    await send(':\n\n')
    let position = after
    while (!gone.signal.aborted && feed.isOpen) {
      const newest = await events.newestPosition()
      const batch = await events.read(namespace, position, BATCH, types)
      for (const event of batch) await send(messageOf(event))
      const last = batch.at(-1)?.position ?? position
      // Past what is of no interest here, but never behind what was told.
      position = batch.length === BATCH ? last : Math.max(newest, last)
      if (batch.length < BATCH) await feed.waitBeyond(position, gone.signal)
    }
  } finally {
    clearInterval(heartbeat)
    response.end()
  }
}

const messageOf = ({ position, type, id, atMs, data }: StoredEvent): string =>
  `id: ${position}\nevent: ${type}\ndata: ${JSON.stringify({ id, atMs, type, data })}\n\n`
