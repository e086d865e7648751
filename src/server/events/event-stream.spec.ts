import { PassThrough } from 'node:stream'
import type { ServerResponse } from 'node:http'
import { expect, it } from '@jest/globals'
import type { EventFeed } from './event-feed.service.js'
import type { EventStore, StoredEvent } from './event-store.service.js'
import { streamEvents } from './event-stream.js'

const event = (position: number): StoredEvent => {
  const about = { namespace: 'gateway/prod', type: 'rollout.paused', data: {} }
  return { ...about, id: `id-${position}`, position, atMs: 0 }
}

const mayRead = (): Promise<boolean> => Promise.resolve(true)

it('tells once of an event that came between the two questions of a round', async () => {
  const all = [event(1)]
  let waits = 0
  const events = {
    // Answers, and then there is one more.
    newestPosition: () => {
      const newest = all.length
      if (newest === 1) all.push(event(2))
      return Promise.resolve(newest)
    },
    read: (_: string, after: number) => Promise.resolve(all.filter(({ position }) => position > after)),
  }
  const feed = {
    get isOpen() {
      return waits < 2
    },
    waitBeyond: () => {
      waits += 1
      return Promise.resolve()
    },
  }
  const response = Object.assign(new PassThrough(), { writeHead: () => undefined })
  const query = { namespace: 'gateway/prod', after: 0, types: ['*'], mayRead }
  await streamEvents(
    response as unknown as ServerResponse,
    query,
    events as unknown as EventStore,
    feed as unknown as EventFeed,
  )
  const text = String(response.read())
  expect([...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => id)).toEqual(['1', '2'])
})

it('drops a reader that takes nothing any more', async () => {
  const events = {
    newestPosition: () => Promise.resolve(1_000),
    read: (_: string, after: number) => Promise.resolve([event(after + 1)]),
  }
  const feed = { isOpen: true, waitBeyond: () => Promise.resolve() }
  // Nobody reads from it.
  const response = Object.assign(new PassThrough({ highWaterMark: 1_000 }), { writeHead: () => undefined })
  const query = { namespace: 'gateway/prod', after: 0, types: ['*'], mayRead, patienceMs: 20 }
  await streamEvents(
    response as unknown as ServerResponse,
    query,
    events as unknown as EventStore,
    feed as unknown as EventFeed,
  )
  expect(response.destroyed).toBe(true)
})
