import { describe, expect, it } from '@jest/globals'
import { decodePlainCbor } from '../../src/protocol/plain-cbor.js'
import { DdiScene, legacyPolicy } from '../support/ddi-scene.js'
import { problemIn } from '../support/fleet-device.js'

const proxy = '127.0.0.1'
const scene = new DdiScene({
  policy: legacyPolicy() ?? {},
  ddi: {
    alias: 'DEFAULT',
    pollSeconds: 600,
    jitterPercent: 10,
    pollOverrides: [
      { filter: 'site = "berlin" and class = "gateway-r2"', pollSeconds: 60 },
      { filter: 'has site', pollSeconds: 3_600 },
    ],
    certificateAuthorities: ['AA:BB'],
    certificateClass: 'gateway-r2',
  },
  config: { trustedProxies: [proxy] },
})
const empty401 = { status: 401, body: '' }
const seconds = (sleep: string): number => sleep.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)

describe('a poll', () => {
  it('of a client that is new asks for its attributes, with an absolute link, and then for nothing', async () => {
    const client = await scene.client()
    const answer = await client.get()
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('application/hal+json; charset=utf-8')
    expect(answer.json()).toEqual({
      config: { polling: { sleep: expect.stringMatching(/^00:\d\d:\d\d$/) as unknown as string } },
      _links: { configData: { href: `http://updates.example:8080${client.base}/configData` } },
    })
    expect((await client.configData({ serial: '1' })).status).toBe(200)
    expect(Object.keys((await client.get()).json())).toEqual(['config'])
  })

  it('asks for attributes again when people want them', async () => {
    const client = await scene.client()
    await client.configData({ serial: '1' })
    expect(await client.links()).toEqual([])
    await scene.fleet.call('POST', `/ddi/targets/${client.id}/config-data-request`)
    expect(await client.links()).toEqual(['configData'])
    const nobody = await scene.fleet.raw('POST', `/ddi/targets/${'0'.repeat(64)}/config-data-request`)
    expect(problemIn(nobody)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  it('has its own share of jitter, and another interval where a filter of the operator fits; the first counts', async () => {
    const client = await scene.client()
    const sleepOf = async (): Promise<number> => seconds((await client.get()).json().config.polling.sleep)
    const usual = await sleepOf()
    expect(Math.abs(usual - 600)).toBeLessThanOrEqual(60)
    expect(await sleepOf()).toBe(usual)
    await client.configData({ site: 'lyon' })
    expect(Math.abs((await sleepOf()) - 3_600)).toBeLessThanOrEqual(360)
    await client.configData({ site: 'berlin' })
    expect(Math.abs((await sleepOf()) - 60)).toBeLessThanOrEqual(6)
  })

  it('is 304 while nothing changed, in each kind of its own', async () => {
    const client = await scene.client()
    const etag = String((await client.get()).headers['etag'])
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*'])
      expect(await client.get('', { 'if-none-match': held })).toMatchObject({ status: 304, body: '' })
    expect((await client.get('', { 'if-none-match': etag, accept: 'application/cbor' })).status).toBe(200)
    await client.configData({ serial: '1' })
    expect((await client.get('', { 'if-none-match': etag })).status).toBe(200)
  })

  it('is answered in JSON, HAL or CBOR, and in nothing else', async () => {
    const client = await scene.client()
    const json = await client.get('', { accept: 'application/json' })
    expect(json.headers['content-type']).toBe('application/json; charset=utf-8')
    const cbor = await client.get('', { accept: 'application/cbor' })
    expect(cbor.headers['content-type']).toBe('application/cbor')
    expect(decodePlainCbor(new Uint8Array(Buffer.from(cbor.body, 'latin1')))).toEqual(json.json())
    expect(await client.get('', { accept: 'text/html' })).toMatchObject({ status: 406 })
  })

  it('by HEAD says the same without a body', async () => {
    const client = await scene.client()
    const [whole, head] = [await client.get(), await client.send('HEAD', '')]
    expect(head).toMatchObject({ status: 200, body: '' })
    expect(head.headers['etag']).toBe(whole.headers['etag'])
  })

  it('of a client is known to people as a device of that protocol, last seen now', async () => {
    const client = await scene.client()
    await client.get()
    const shown = await scene.fleet.call<object>('GET', `/devices/${client.id}`)
    expect(shown).toMatchObject({ protocol: 'ddi', className: 'gateway-r2', report: null, state: null })
    const listed = await scene.fleet.call<{ items: { deviceId: string }[] }>('GET', '/ddi/targets?limit=1000')
    expect(listed.items).toContainEqual(
      expect.objectContaining({ controllerId: client.controllerId, deviceId: client.id }),
    )
  })
})

describe('tenants', () => {
  it('are named product.env, and by the alias of the namespace; links keep the name that was used', async () => {
    const client = await scene.client()
    const other = scene.as(client.controllerId, client.authorization, client.id, 'DEFAULT')
    expect(await other.link('configData')).toBe(
      `http://updates.example:8080/DEFAULT/controller/v1/${client.controllerId}/configData`,
    )
    for (const name of ['default', 'gateway', 'gateway.test', 'gateway.prod.x'])
      expect(await scene.as(client.controllerId, client.authorization, '', name).get()).toMatchObject(empty401)
  })
})

describe('a target token', () => {
  it('that is wrong, missing, of another client or of another scheme is 401 without a word', async () => {
    const [one, two] = [await scene.client(), await scene.client()]
    const token = one.authorization.split(' ')[1] ?? ''
    for (const authorization of [
      '',
      two.authorization,
      `TargetToken ${token}x`,
      `TargetToken  `,
      `Bearer ${token}`,
      `Device ${token}`,
      `GatewayToken ${token}`,
      `TargetToken ${'x'.repeat(500)}`,
    ])
      expect(await scene.as(one.controllerId, authorization).get()).toMatchObject(empty401)
    expect(await scene.as('nobody', one.authorization).get()).toMatchObject(empty401)
    expect((await one.get()).status).toBe(200)
  })

  it('that the fleet has already is taken over, so that its devices need no changed line', async () => {
    const client = await scene.client('taken-over', '5a1c0ffee5a1c0ffee5a1c0ffee5a1c0')
    expect(client.authorization).toBe('TargetToken 5a1c0ffee5a1c0ffee5a1c0ffee5a1c0')
    expect((await client.get()).status).toBe(200)
    const body = { controllerId: 'taken-over', className: 'gateway-r2' }
    expect(problemIn(await scene.fleet.raw('POST', '/ddi/targets', body))).toMatchObject({
      status: 409,
      code: 'CONFLICT',
    })
    // Two clients with one token stay two.
    expect((await (await scene.client('with-the-same', '5a1c0ffee5a1c0ffee5a1c0ffee5a1c0')).get()).status).toBe(200)
  })

  it('is renewed; the one before is void at once', async () => {
    const client = await scene.client()
    const { token } = await scene.fleet.call<{ token: string }>('POST', `/ddi/targets/${client.id}/token`, {})
    expect(await client.get()).toMatchObject(empty401)
    client.authorization = `TargetToken ${token}`
    expect((await client.get()).status).toBe(200)
  })

  it('is kept as its hash, and is not in the audit trail', async () => {
    const client = await scene.client()
    const token = client.authorization.split(' ')[1] ?? ''
    const held = await scene.fleet.sql<{ text: string }>(
      `SELECT device::text AS text FROM device WHERE protocol = 'ddi' UNION ALL SELECT ddi_target::text FROM ddi_target
       UNION ALL SELECT detail::text FROM audit_entry`,
    )
    expect(held.length).toBeGreaterThan(3)
    expect(held.filter(({ text }) => text.includes(token))).toEqual([])
  })
})

describe('a gateway token', () => {
  const gateway = async (change: object = {}): Promise<{ id: string; token: string }> =>
    scene.fleet.call('POST', '/ddi/gateway-tokens', {
      label: 'hall 3',
      className: 'gateway-r2',
      uses: 2,
      expires: scene.fleet.now + 600,
      ...change,
    })

  it('speaks for every client of the namespace, and lets in as many new ones as it may', async () => {
    const { token } = await gateway()
    const known = await scene.client()
    expect((await scene.as(known.controllerId, `GatewayToken ${token}`).get()).status).toBe(200)
    const by = (name: string) => scene.as(name, `GatewayToken ${token}`).get()
    expect((await by('behind-1')).status).toBe(200)
    expect((await by('behind-2')).status).toBe(200)
    expect((await by('behind-1')).status).toBe(200)
    const refused = await by('behind-3')
    expect({ status: refused.status, ...refused.json<object>() }).toEqual({
      status: 403,
      exceptionClass: 'Refusal',
      errorCode: 'ENROLMENT_REFUSED',
      message: 'why: the gateway token lets in no further client',
    })
    expect(
      await scene.fleet.sql(
        `SELECT 1 FROM device WHERE id = (SELECT device_id FROM ddi_target WHERE controller_id = 'behind-3')`,
      ),
    ).toEqual([])
    // Their own token is nobody's: only the gateway speaks for them.
    expect(await scene.as('behind-1', `TargetToken ${token}`).get()).toMatchObject(empty401)
  })

  it('lets in nobody new when it was not made to', async () => {
    const { token } = await gateway({ uses: 0 })
    expect(await scene.as('unheard-of', `GatewayToken ${token}`).get()).toMatchObject(empty401)
  })

  it('ends with its time and when it is revoked', async () => {
    const { id, token } = await gateway({ token: 'a-token-that-the-fleet-has-already' })
    const known = await scene.client()
    const by = () => scene.as(known.controllerId, `GatewayToken ${token}`).get()
    expect((await by()).status).toBe(200)
    await scene.fleet.app.inject({
      method: 'DELETE',
      url: `/api/v1/${scene.fleet.namespace}/ddi/gateway-tokens/${id}`,
      headers: {
        authorization: `Bearer ${await scene.fleet.server.token(['fleet-manager'], null, scene.fleet.namespace)}`,
      },
    })
    expect(await by()).toMatchObject(empty401)
    const other = await gateway()
    await scene.fleet.sql('UPDATE ddi_gateway_token SET expires_at = 1 WHERE id = $1', [other.id])
    expect(await scene.as(known.controllerId, `GatewayToken ${other.token}`).get()).toMatchObject(empty401)
    const listed = await scene.fleet.call<{ items: object[] }>('GET', '/ddi/gateway-tokens?limit=1000')
    expect(listed.items).toContainEqual(expect.objectContaining({ id, label: 'hall 3', revokedAt: expect.any(Number) }))
  })
})

describe('a certificate', () => {
  const certified = (name: string, authority = 'aa:bb') => ({ 'x-controller-id': name, 'x-authority-1': authority })
  it('is believed by the word of a trusted proxy, and lets in a client that is new', async () => {
    const client = scene.as('with-certificate', '')
    expect((await client.get('', certified('with-certificate'))).status).toBe(200)
    expect(await client.get('', certified('with-certificate', 'cc:dd'))).toMatchObject(empty401)
    expect(await client.get('', certified('somebody-else'))).toMatchObject(empty401)
    expect(await client.get()).toMatchObject(empty401)
  })

  it('is nothing by the word of anybody else', async () => {
    const answer = await scene.fleet.app.inject({
      method: 'GET',
      url: `/${scene.tenant}/controller/v1/with-certificate`,
      headers: certified('with-certificate'),
      remoteAddress: '203.0.113.9',
    })
    expect({ status: answer.statusCode, body: answer.body }).toEqual(empty401)
  })
})

describe('a decommissioned client', () => {
  it('is gone from every list, has no way back in, and its name is not given again', async () => {
    const { fleet } = scene
    const client = await scene.client()
    await client.configData({ version: '1.0.0' })
    expect((await client.get()).status).toBe(200)
    expect((await fleet.raw('POST', `/devices/${client.id}/decommission`)).statusCode).toBe(200)
    expect((await client.get()).status).toBe(401)
    const { items } = await fleet.call<{ items: { deviceId: string }[] }>('GET', '/ddi/targets?limit=1000')
    expect(items.map(({ deviceId }) => deviceId)).not.toContain(client.id)
    for (const path of ['token', 'config-data-request'])
      expect((await fleet.raw('POST', `/ddi/targets/${client.id}/${path}`, {})).statusCode).toBe(404)
    const again = await fleet.raw('POST', '/ddi/targets', {
      controllerId: client.controllerId,
      className: 'gateway-r2',
    })
    expect(problemIn(again)).toMatchObject({
      status: 409,
      code: 'CONFLICT',
      detail: { what: 'DDI client', why: expect.stringContaining('decommissioned') },
    })
  })
})

describe('links', () => {
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'ota.example' }
  it('have the scheme and host of a trusted proxy', async () => {
    const client = await scene.client()
    const { _links: links } = (await client.get('', forwarded)).json()
    expect(links?.['configData']?.href).toBe(`https://ota.example${client.base}/configData`)
  })

  it('have the client’s own host when anybody else says another', async () => {
    const client = await scene.client()
    const answer = await scene.fleet.app.inject({
      method: 'GET',
      url: client.base,
      headers: { host: 'updates.example', authorization: client.authorization, ...forwarded },
      remoteAddress: '203.0.113.9',
    })
    expect(answer.body).toContain(`http://updates.example${client.base}/configData`)
  })

  it('have the public address where a host is none', async () => {
    const client = await scene.client()
    expect((await client.get('', { host: 'a"b' })).body).toContain(`"http://127.0.0.1${client.base}/configData"`)
  })
})
