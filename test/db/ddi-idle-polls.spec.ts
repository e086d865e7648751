import type { AddressInfo } from 'node:net'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { beforeAll, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { DeviceFeed } from '../../src/server/database/device-feed.service.js'
import { LastSeen } from '../../src/server/polling/last-seen.service.js'
import type { DdiClient, DdiPoll } from '../support/ddi-client.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { eventually } from '../support/fleet-fixture.js'
import { sendRaw } from '../support/raw-http.js'

const scene = new DdiScene({
  policy: legacyPolicy() ?? {},
  ddi: { pollSeconds: 600, jitterPercent: 0, pollOverrides: [{ filter: 'has site', pollSeconds: 60 }] },
})
const ports: number[] = []
const listen = async (app: NestFastifyApplication): Promise<void> => {
  await app.listen(0, '127.0.0.1')
  ports.push((app.getHttpServer() as { address(): AddressInfo }).address().port)
}
beforeAll(async () => {
  await listen(scene.fleet.app)
  await listen((await scene.fleet.startServer('server-2', { trustedProxies: ['127.0.0.1'] })).app)
}, 240_000)

/** As the owner of the database, who may end what listens. */
async function endListeners(): Promise<void> {
  const owner = new pg.Client({ connectionString: scene.fleet.databaseUrl })
  await owner.connect()
  await owner.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
      AND (query LIKE 'LISTEN%' OR query = 'SELECT 1') AND pid <> pg_backend_pid()`,
  )
  await owner.end()
}

interface Polled {
  readonly status: number
  readonly etag: string | null
  readonly body: string
  /** Whether the answer was kept from a poll before: only the long way gives a request its id. */
  readonly isKept: boolean
}
/** A poll over a real connection: what is kept is answered before the framework sees it. */
async function poll(client: DdiClient, headers: Record<string, string> = {}, server = 0): Promise<Polled> {
  const answer = await fetch(`http://127.0.0.1:${ports[server] ?? 0}${client.base}`, {
    headers: { authorization: client.authorization, accept: 'application/json', ...headers },
  })
  const isKept = answer.status < 400 && answer.headers.get('x-request-id') === null
  return { status: answer.status, etag: answer.headers.get('etag'), body: await answer.text(), isKept }
}
const linksIn = ({ body }: Polled): readonly string[] =>
  Object.keys((JSON.parse(body) as DdiPoll)._links ?? {}).toSorted()

async function idle(): Promise<DdiClient> {
  const client = await scene.client()
  await client.configData({ version: '1.0.0' })
  await eventually(async () => ((await poll(client)).isKept ? true : null), 60_000)
  return client
}

describe('an idle poll', () => {
  it('is answered from what was kept, byte for byte as the first time, and by 304', async () => {
    const client = await scene.client()
    await client.configData({ version: '1.0.0' })
    const first = await poll(client)
    const again = await eventually(async () => {
      const found = await poll(client)
      return found.isKept ? found : null
    }, 60_000)
    expect({ ...again, isKept: false }).toEqual(first)
    const held = await poll(client, { 'if-none-match': first.etag ?? '' })
    expect(held).toEqual({ status: 304, etag: first.etag, body: '', isKept: true })
  })

  it('is refused with a wrong token, and goes the long way in another kind or by another name', async () => {
    const client = await idle()
    for (const authorization of ['', 'TargetToken wrong', client.authorization.replace('TargetToken', 'GatewayToken')])
      expect(await poll(client, { authorization })).toMatchObject({ status: 401, body: '' })
    expect((await poll(client, { accept: 'application/cbor' })).isKept).toBe(false)
    const answer = await fetch(`http://localhost:${ports[0] ?? 0}${client.base}?x=1`, {
      headers: { authorization: client.authorization },
    })
    expect({ status: answer.status, isKept: answer.headers.get('x-request-id') === null }).toEqual({
      status: 200,
      isKept: false,
    })
  })

  it('is answered in turn beside whatever else is asked on the same connection without waiting', async () => {
    const client = await idle()
    const own = `Host: 127.0.0.1:${ports[0] ?? 0}\r\nAccept: application/json\r\nAuthorization: ${client.authorization}\r\n`
    const ask = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\n${own}${more}\r\n`
    const known = await poll(client)
    const far = `${client.base}/deploymentBase/1`
    const answers = await sendRaw(ports[0] ?? 0, [
      `${ask(client.base)}${ask(far)}${ask(client.base)}${ask(client.base, `If-None-Match: ${known.etag ?? ''}\r\n`)}`,
      ask(client.base, 'Connection: close\r\n'),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 200, 304, 200])
    for (const { status, body, headers } of answers.filter((answer) => answer.status === 200))
      expect({ status, body, etag: headers.get('etag'), isKept: !headers.has('x-request-id') }).toEqual(known)
  })

  it('by a proxy is as the proxy says today, and by no proxy as the client says', async () => {
    const client = await idle()
    const by = (host: string): Promise<Polled> => poll(client, { 'x-forwarded-host': host }, 1)
    // Both are polls with links, which are made of what is asked.
    await scene.fleet.call('POST', `/ddi/targets/${client.id}/config-data-request`)
    await eventually(async () => ((await by('a.example')).isKept ? true : null), 60_000)
    expect((await by('a.example')).body).toContain('http://a.example/')
    expect((await by('b.example')).body).toContain('http://b.example/')
    expect((await poll(client, {}, 1)).body).toContain(`http://127.0.0.1:${ports[1] ?? 0}/`)
  })

  it('is seen: the device was there', async () => {
    const client = await idle()
    await scene.fleet.app.get(LastSeen).flush()
    await scene.fleet.sql('UPDATE device SET last_seen_at = 1 WHERE id = $1', [client.id])
    expect((await poll(client)).isKept).toBe(true)
    await scene.fleet.app.get(LastSeen).flush()
    const [row] = await scene.fleet.sql<{ at: number }>('SELECT last_seen_at AS at FROM device WHERE id = $1', [
      client.id,
    ])
    expect(row?.at).toBeGreaterThan(1)
  })
})

describe('what was kept is gone', () => {
  it('as soon as there is something to do', async () => {
    const client = await idle()
    await scene.rollout(await scene.release(new Uint8Array(10).fill(1)), [client])
    expect(linksIn(await poll(client))).toEqual(['deploymentBase'])
    expect((await poll(client)).isKept).toBe(false)
  })

  it('as soon as the token is another one, on every instance', async () => {
    const client = await idle()
    await eventually(async () => ((await poll(client, {}, 1)).isKept ? true : null), 60_000)
    const { token } = await scene.fleet.call<{ token: string }>('POST', `/ddi/targets/${client.id}/token`, {})
    // Told by the database as it commits: at most the time of one message.
    for (const server of [0, 1])
      await eventually(async () => ((await poll(client, {}, server)).status === 401 ? true : null), 60_000)
    client.authorization = `TargetToken ${token}`
    for (const server of [0, 1]) expect((await poll(client, {}, server)).status).toBe(200)
  })

  it('as soon as an attribute makes it poll at another pace, or its attributes are asked for', async () => {
    const client = await idle()
    expect((await poll(client)).body).toContain('00:10:00')
    await client.configData({ site: 'berlin' })
    await eventually(async () => ((await poll(client)).body.includes('00:01:00') ? true : null), 60_000)
    await scene.fleet.call('POST', `/ddi/targets/${client.id}/config-data-request`)
    await eventually(async () => (linksIn(await poll(client)).includes('configData') ? true : null), 60_000)
  })

  it('when the database cannot be heard any more; it is kept again when it can', async () => {
    const client = await idle()
    await endListeners()
    await eventually(() => (scene.fleet.app.get(DeviceFeed).tick === null ? true : null), 60_000)
    expect(await poll(client)).toMatchObject({ status: 200, isKept: false })
    expect(await poll(client)).toMatchObject({ status: 200, isKept: false })
    await eventually(async () => ((await poll(client)).isKept ? true : null), 60_000)
  })
})
