import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { Webhook } from 'standardwebhooks'
import { PeopleBench, refusalIn } from '../../../test/support/people-bench.js'
import { eventually } from '../../../test/support/eventually.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { ServerClock } from '../clock/server-clock.port.js'
import { EventStore } from '../events/event-store.service.js'
import { ServerConfig } from '../server-config.js'
import { retryDelayMs } from './retry-delay.js'
import { WebhookDispatch } from './webhook-dispatch.service.js'
import { WebhookService } from './webhook.service.js'

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

describe('webhooks', () => {
  let bench: PeopleBench
  let receiver: Server
  let url: string
  let received: Received[]
  let status: number
  /** Answered when the test says so. */
  let held: ServerResponse[]
  beforeAll(async () => {
    bench = await PeopleBench.start()
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        if (request.url === '/hangs') return held.push(response)
        received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
        return response
          .writeHead(status, status === 302 ? { location: `${url}/elsewhere` } : {})
          .end('x'.repeat(100_000))
      })
    }).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
  }, 60_000)
  afterAll(async () => {
    receiver.closeAllConnections()
    receiver.close()
    await bench.stop()
  })
  beforeEach(async () => {
    received = []
    held = []
    status = 204
    await bench.server.database.query('DELETE FROM webhook')
  })

  const create = async (types: readonly string[], to = url) => {
    const { status: code, body } = await bench.call('POST', '/webhooks', 'security-officer', { url: to, types })
    expect(code).toBe(201)
    return { id: String(body['id']), verifier: new Webhook(String(body['secret'])) }
  }
  const round = () => bench.server.app.get(WebhookDispatch).round()
  const happen = (type: string, n = 1) =>
    bench.server.app
      .get(EventStore)
      .record(bench.server.database.manager, [{ namespace: bench.trust.namespace, type, data: { n } }])
  const deliveries = async (id: string) => {
    const { body } = await bench.call('GET', `/webhooks/${id}/deliveries`, 'security-officer')
    return body['items'] as Record<string, unknown>[]
  }
  const due = () => bench.server.database.query(`UPDATE webhook_delivery SET next_ms = 0 WHERE state = 'waiting'`)

  it('tell of each event of their types once, signed as receivers’ libraries verify it', async () => {
    const { id, verifier } = await create(['rollout.*', 'release.signed'])
    for (const [n, type] of ['rollout.paused', 'release.created', 'release.signed'].entries()) await happen(type, n)
    await round()
    await round()
    expect(received).toHaveLength(2)
    const messages = received.map(({ headers, body }) => verifier.verify(body, headers as Record<string, string>))
    expect(messages).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'rollout.paused', data: { namespace: bench.trust.namespace, n: 0 } }),
        expect.objectContaining({ type: 'release.signed', data: { namespace: bench.trust.namespace, n: 2 } }),
      ]),
    )
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(2)
    expect(await deliveries(id)).toMatchObject([{ state: 'delivered' }, { state: 'delivered' }])
  })

  it('have a secret each: one receiver cannot speak for us to another', async () => {
    const one = await create(['*'])
    const other = await create(['nothing.here'])
    await happen('rollout.started')
    await round()
    const message = received.find(({ body }) => body.includes('rollout.started'))
    const headers = message?.headers as Record<string, string>
    expect(one.verifier.verify(message?.body ?? '', headers)).toMatchObject({ type: 'rollout.started' })
    expect(() => other.verifier.verify(message?.body ?? '', headers)).toThrow('No matching signature found')
    expect(() => one.verifier.verify(`${message?.body} `, headers)).toThrow('No matching signature found')
    const [stored] = await bench.server.database.query<object[]>('SELECT * FROM webhook')
    expect(JSON.stringify(stored)).not.toContain('whsec')
  })

  it('try again under the same id until it is taken', async () => {
    const { id } = await create(['rollout.*'])
    await happen('rollout.finished')
    status = 500
    await round()
    expect(await deliveries(id)).toMatchObject([{ state: 'waiting', attempts: 1, lastAnswer: 'status 500' }])
    await round()
    expect(received).toHaveLength(1)
    await due()
    status = 200
    await round()
    expect(await deliveries(id)).toMatchObject([{ state: 'delivered', attempts: 2, lastAnswer: 'status 200' }])
    expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  it('are not kept waiting by a receiver that hangs', async () => {
    const slow = await create(['rollout.*'], `${url}/hangs`)
    await create(['rollout.*'])
    await happen('rollout.started', 1)
    const first = round()
    await eventually(() => expect(held).toHaveLength(1))
    await happen('rollout.finished', 2)
    const second = round()
    await eventually(() => expect(received).toHaveLength(2))
    // Nor is it given more as long as it has not answered.
    expect(held).toHaveLength(1)
    for (const response of held) response.writeHead(204).end()
    await Promise.all([first, second])
    const third = round()
    await eventually(() => expect(held).toHaveLength(2))
    held[1]?.writeHead(204).end()
    await third
    expect(await deliveries(slow.id)).toMatchObject([{ state: 'delivered' }, { state: 'delivered' }])
  }, 30_000)

  it('give up after about two days, and send again on request', async () => {
    const { id } = await create(['rollout.*'])
    await happen('rollout.finished')
    status = 500
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await due()
      await round()
    }
    expect(await deliveries(id)).toMatchObject([{ state: 'given-up', attempts: 9 }])
    expect(received).toHaveLength(9)
    status = 200
    const replay = await bench.call('POST', `/webhooks/${id}/replay`, 'security-officer', { since: 0 })
    expect(replay.body['messages']).toBeGreaterThan(0)
    await round()
    expect((await deliveries(id)).every(({ state }) => state === 'delivered')).toBe(true)
  })

  it('wait longer each time, within a fifth of it', () => {
    const delays = Array.from({ length: 9 }, (_, n) => retryDelayMs(n + 1, 0.5))
    expect(delays.slice(0, 8)).toEqual(delays.slice(0, 8).toSorted((a, b) => (a ?? 0) - (b ?? 0)))
    expect(delays[8]).toBeNull()
    expect(delays.reduce((sum, delay) => (sum ?? 0) + (delay ?? 0), 0)).toBeGreaterThan(40 * 3_600_000)
    expect([retryDelayMs(1, 0), retryDelayMs(1, 1)]).toEqual([4_000, 6_000])
  })

  it('lose nothing that was on its way when newer events are replayed', async () => {
    const { id } = await create(['rollout.*'])
    await happen('rollout.finished')
    await bench.server.database.query(`UPDATE event SET at_ms = 0 WHERE position IS NULL`)
    await happen('rollout.started')
    const since = Math.floor(Date.now() / 1_000) - 60
    await bench.call('POST', `/webhooks/${id}/replay`, 'security-officer', { since })
    await round()
    const told = received.map(({ body }) => (JSON.parse(body) as { type: string }).type)
    expect(told).toEqual(expect.arrayContaining(['rollout.finished', 'rollout.started']))
  })

  it('stop where the receiver wants no more, and begin again at a replay', async () => {
    const { id } = await create(['rollout.*'])
    await happen('rollout.finished')
    status = 410
    await round()
    const shown = async () => ((await bench.call('GET', '/webhooks', 'security-officer')).body['items'] as object[])[0]
    expect(await shown()).toMatchObject({ disabled: { why: 'the receiver answered 410: it wants no more' } })
    await happen('rollout.started')
    await round()
    expect(received).toHaveLength(1)
    status = 200
    await bench.call('POST', `/webhooks/${id}/replay`, 'security-officer', { since: 0 })
    expect(await shown()).toMatchObject({ disabled: null })
    await round()
    expect(received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toContain('rollout.started')
  })

  it('do not follow a redirect', async () => {
    const { id } = await create(['rollout.*'])
    await happen('rollout.finished')
    status = 302
    await round()
    expect(received).toHaveLength(1)
    expect(await deliveries(id)).toMatchObject([{ state: 'waiting', lastAnswer: 'status 302' }])
  })

  it('name why nobody answered', async () => {
    const { id } = await create(['rollout.*'], 'http://127.0.0.1:9/')
    await happen('rollout.finished')
    await round()
    expect(await deliveries(id)).toMatchObject([
      { state: 'waiting', lastAnswer: expect.stringMatching(/^not reached: /) },
    ])
  })

  it('send each message once, whatever number of instances', async () => {
    await create(['many.*'])
    for (let n = 0; n < 30; n += 1) await happen('many.many', n)
    const { app } = bench.server
    const made = (name: unknown) => app.get(name as never)
    const { DecisionLog } = await import('../http/decision-log.service.js')
    const instances = Array.from(
      { length: 3 },
      () =>
        new WebhookDispatch(
          bench.server.database,
          made(ServerConfig),
          made(EventStore),
          made(ServerClock),
          made(DecisionLog),
        ),
    )
    await Promise.all(instances.map((each) => each.round()))
    await Promise.all(instances.map((each) => each.round()))
    const told = received.map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n)
    expect(told.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n))
  })

  it.each([
    ['ftp://example.com/', 'not https'],
    ['http://example.com/', 'not https'],
    ['https://user:secret@example.com/', 'holds a user name or password'],
    ['https://example.com/#a', 'holds a fragment'],
    ['example', 'not an address'],
  ])('refuse the address %s', async (address, why) => {
    const body = { url: address, types: ['*'] }
    const detail = { field: 'url', why }
    expect(refusalIn(await bench.call('POST', '/webhooks', 'security-officer', body))).toEqual({
      status: 400,
      code: 'REQUEST_INVALID',
      detail,
    })
  })

  it('take plain HTTP, and to this machine alone, on a laptop', async () => {
    const { app, database } = bench.server
    const made = <T>(name: unknown) => app.get<T>(name as never)
    const key = { webhookKey: new Uint8Array(32) }
    const at = (profile: ServerConfig['profile']) =>
      new WebhookService(
        database,
        { ...key, profile } as ServerConfig,
        made(EventStore),
        made(AuditService),
        made(ServerClock),
      )
    const caller = { namespace: bench.trust.namespace, person: null, label: 'test' } as Caller
    await expect(at('production').create(url, ['*'], caller)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      detail: { field: 'url', why: 'not https' },
    })
    expect((await at('laptop').create(url, ['*'], caller)).row.url).toBe(url)
  })

  it.each(['x', '%00', '-1', '99999999999999999999'])('have no delivery after %s', async (after) => {
    const { id } = await create(['*'])
    expect(refusalIn(await bench.call('GET', `/webhooks/${id}/deliveries?after=${after}`, 'security-officer'))).toEqual(
      {
        status: 400,
        code: 'REQUEST_INVALID',
        detail: { field: 'after', why: 'not the position of an event' },
      },
    )
  })

  it('are gone for good when they are removed, and unknown to other namespaces', async () => {
    const { id } = await create(['*'])
    expect((await bench.call('DELETE', `/webhooks/${id}`, 'security-officer')).status).toBe(204)
    const gone = await bench.call('POST', `/webhooks/${id}/replay`, 'security-officer', { since: 0 })
    expect(refusalIn(gone)).toEqual({ status: 404, code: 'NOT_FOUND', detail: { what: 'webhook', id } })
  })
})
