import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { EventFeed } from './event-feed.service.js'
import type { EventStore, StoredEvent } from './event-store.service.js'

const BATCH = 200
/** A line now and then, so that proxies do not take silence for death. */
const HEARTBEAT_MS = 15_000
/** Who takes nothing for so long is gone, or holds a connection for nothing; `Last-Event-ID` goes on where it stopped. */
const PATIENCE_MS = 60_000

export interface StreamQuery {
  readonly namespace: string
  readonly after: number
  readonly types: readonly string[]
  /** Asked before each look for events: who may read no more is told no more. */
  readonly mayRead: () => Promise<boolean>
  readonly patienceMs?: number
}

/**
 * Server-sent events (WHATWG HTML §9.2) until the reader goes, takes nothing any more or may not read any more, or the server stops.
 * Events are read in batches and the next batch waits for the reader, so that a slow one costs no memory. `id` is the position:
 * `Last-Event-ID` goes on behind it.
 */
export async function streamEvents(
  response: ServerResponse,
  { namespace, after, types, mayRead, patienceMs = PATIENCE_MS }: StreamQuery,
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
    if (gone.signal.aborted || response.write(text) || (await drains(response, gone.signal, patienceMs))) return
    response.destroy()
    gone.abort()
  }
  try {
    await send(HEARTBEAT)
    let position = after
    while (!gone.signal.aborted && feed.isOpen && (await mayRead())) {
      const newest = await events.newestPosition()
      const batch = await events.read(namespace, position, BATCH, types)
      for (const event of batch) await send(messageOf(event))
      const last = batch.at(-1)?.position ?? position
      // Past what is of no interest here, but never behind what was told.
      position = batch.length === BATCH ? last : Math.max(newest, last)
      if (batch.length === BATCH) continue
      const pause = AbortSignal.timeout(HEARTBEAT_MS)
      await feed.waitBeyond(position, AbortSignal.any([gone.signal, pause]))
      if (pause.aborted) await send(HEARTBEAT)
    }
  } finally {
    response.end()
  }
}

const HEARTBEAT = ':\n\n'

/** @returns whether the reader has taken what was written, in time and before it went. */
async function drains(response: ServerResponse, gone: AbortSignal, patienceMs: number): Promise<boolean> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(patienceMs)])
  try {
    await once(response, 'drain', { signal })
    return true
  } catch (error) {
    if (signal.aborted) return false
    throw error
  }
}

const messageOf = ({ position, type, id, atMs, data }: StoredEvent): string =>
  `id: ${position}\nevent: ${type}\ndata: ${JSON.stringify({ id, atMs, type, data })}\n\n`
