import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { eventually } from '../../../test/support/eventually.js'
import type { Caller } from '../access/caller.decorator.js'
import { TokenService } from '../access/token.service.js'
import { MAX_STREAMS } from './event.controller.js'
import { EventStore } from './event-store.service.js'

describe('events', () => {
  let bench: PeopleBench
  let events: EventStore
  beforeAll(async () => {
    bench = await PeopleBench.start()
    await bench.begin()
    events = bench.server.app.get(EventStore)
    await bench.server.app.listen(0, '127.0.0.1')
  }, 60_000)
  afterAll(() => bench.stop())

  const typesIn = (body: unknown): string[] => (body as { items: { type: string }[] }).items.map(({ type }) => type)
  const page = (query: string) => bench.call('GET', `/events${query}`, 'auditor')

  it('are what was audited, in order, page by page', async () => {
    const audited = await bench.call('GET', '/audit', 'auditor')
    const all = (audited.body['items'] as { event: string }[]).map(({ event }) => event)
    expect(all).toContain('policy.stored')
    const first = await page('?limit=2')
    const rest = await page(`?after=${String(first.body['next'])}`)
    expect([...typesIn(first.body), ...typesIn(rest.body)]).toEqual(all)
    expect(typesIn((await page('?type=policy.*')).body)).toEqual(['policy.stored'])
    expect(typesIn((await page('?type=policy.stored&type=root.*')).body)).toEqual(['root.anchored', 'policy.stored'])
    expect(typesIn((await page('?type=release.*')).body)).toEqual([])
  })

  it.each([
    ['?type=%25', 'type'],
    ['?type=a_b', 'type'],
    ['?after=x', 'after'],
    ['?after=99999999999999999', 'after'],
  ])('refuse %s', async (query, field) => {
    const reply = await page(query)
    expect(reply).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID', detail: { field } } })
  })

  it('miss nothing that was written before and committed after something that was read', async () => {
    const { database } = bench.server
    const write = (type: string) => [{ namespace: 'race/test', type, data: {} }]
    const read = async (after: number) => events.read('race/test', after, 10, ['*'])
    const slow = database.createQueryRunner()
    await slow.startTransaction()
    await events.record(slow.manager, write('slow.first'))
    await events.record(database.manager, write('fast.second'))
    await events.place()
    const seen = await read(0)
    expect(seen.map(({ type }) => type)).toEqual(['fast.second'])
    await slow.commitTransaction()
    await slow.release()
    await events.place()
    expect((await read(seen[0]?.position ?? 0)).map(({ type }) => type)).toEqual(['slow.first'])
  })

  it('get one position each from instances that give them at once', async () => {
    const { database } = bench.server
    const many = Array.from({ length: 50 }, (_, n) => ({ namespace: 'many/test', type: 'n.n', data: { n } }))
    await Promise.all(many.map((event) => events.record(database.manager, [event])))
    await Promise.all(Array.from({ length: 5 }, () => events.place()))
    const positions = (await events.read('many/test', 0, 100, ['*'])).map(({ position }) => position)
    expect(new Set(positions).size).toBe(50)
    expect(positions).toEqual(positions.toSorted((a, b) => a - b))
  })

  it('are gone with the change that was rolled back', async () => {
    const undone = bench.server.database.transaction(async (manager) => {
      await events.record(manager, [{ namespace: 'undone/test', type: 'never.happened', data: {} }])
      throw new Error('undo')
    })
    await expect(undone).rejects.toThrow('undo')
    await events.place()
    expect(await events.read('undone/test', 0, 10, ['*'])).toEqual([])
  })

  it('come as server-sent events, and go on after the one that was seen last', async () => {
    const messages = await stream(
      '',
      async () => {
        await bench.release()
      },
      'release.created',
    )
    expect(messages.map(({ event }) => event)).toContain('release.created')
    const created = messages.find(({ event }) => event === 'release.created')
    const data = JSON.parse(created?.data ?? '') as Record<string, unknown>
    expect(data).toMatchObject({ type: 'release.created', data: { auditNumber: expect.any(Number) } })
    const again = await stream(String(Number(created?.id) - 1), () => Promise.resolve(), 'release.created')
    expect(again[0]).toEqual(created)
  }, 30_000)

  it('end for a page whose token is void', async () => {
    const tokens = bench.server.app.get(TokenService)
    const officer = { namespace: bench.trust.namespace, person: null, label: 'test' } as Caller
    const expires = Math.floor(Date.now() / 1_000) + 600
    const wish = { namespace: bench.trust.namespace, label: 'page', roles: ['auditor'], person: null, expires } as const
    const { id, token } = await tokens.create(wish, officer)
    const response = await openAs(bench, token)
    const reading = read(response, 'nothing.comes')
    await tokens.revoke(id, officer)
    // Ended, and not told even of that.
    expect((await reading).map(({ event }) => event)).not.toContain('token.revoked')
  }, 30_000)

  it('come to so many pages of one token and no more', async () => {
    const pages = await Promise.all(Array.from({ length: MAX_STREAMS }, () => open(bench, '')))
    const refused = await fetch(`${await bench.server.app.getUrl()}${bench.base}/events`, {
      headers: { authorization: `Bearer ${await bench.token('auditor')}`, accept: 'text/event-stream' },
    })
    expect([refused.status, await refused.json()]).toEqual([503, expect.objectContaining({ code: 'OVERLOADED' })])
    for (const page of pages) await page.body?.cancel()
    await eventually(async () => (await open(bench, '')).body?.cancel())
  }, 30_000)

  it('end for a page when the server stops', async () => {
    const other = await PeopleBench.start()
    await other.server.app.listen(0, '127.0.0.1')
    const response = await open(other, '')
    const reading = read(response, 'nothing.comes')
    await other.stop()
    expect(await reading).toEqual([])
  }, 60_000)

  const open = async (from: PeopleBench, lastEventId: string): Promise<Response> =>
    openAs(from, await from.token('auditor'), lastEventId)

  const openAs = async (from: PeopleBench, token: string, lastEventId = ''): Promise<Response> => {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }),
    }
    const response = await fetch(`${await from.server.app.getUrl()}${from.base}/events`, { headers })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    return response
  }

  /** Messages up to the first of that type, or the end of the stream. */
  const read = async (response: Response, until: string): Promise<Message[]> => {
    const messages: Message[] = []
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString()
      const parts = text.split('\n\n')
      text = parts.pop() ?? ''
      messages.push(...parts.filter((part) => part !== ':').map(messageIn))
      if (messages.some(({ event }) => event === until)) break
    }
    return messages
  }

  const stream = async (lastEventId: string, meanwhile: () => Promise<void>, until: string): Promise<Message[]> => {
    const reading = read(await open(bench, lastEventId), until)
    await meanwhile()
    return reading
  }
})

interface Message {
  readonly id: string
  readonly event: string
  readonly data: string
}
const messageIn = (text: string): Message => {
  const line = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(text)?.[1] ?? ''
  return { id: line('id'), event: line('event'), data: line('data') }
}
