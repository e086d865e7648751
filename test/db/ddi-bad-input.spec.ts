import { describe, expect, it } from '@jest/globals'
import type { DdiAnswer, DdiClient } from '../support/ddi-client.js'
import { DdiScene } from '../support/ddi-scene.js'
import { eventually } from '../support/fleet-fixture.js'

const scene = new DdiScene()
async function offered(): Promise<{ client: DdiClient; rollout: string; id: string }> {
  const client = await scene.client()
  await client.configData({ version: '1.0.0' })
  const rollout = await scene.rollout(await scene.release(new Uint8Array(100).fill(1)), [client])
  return { client, rollout, id: (await client.deployment()).id }
}
const wordOf = (answer: DdiAnswer): object => ({ status: answer.status, ...answer.json<object>() })
const refused = (code: string, status: number, message: unknown = expect.any(String)): object => ({
  status,
  exceptionClass: 'Refusal',
  errorCode: code,
  message,
})

describe('a feedback', () => {
  it.each([
    ['no JSON', '{"status', 'field: body; why: not JSON'],
    ['nothing', '', 'field: body; why: Invalid input: expected object, received undefined'],
    ['a list', '[]', expect.stringContaining('field: body')],
    ['no status', '{}', expect.stringContaining('field: status')],
    ['no result', '{"status":{"execution":"closed"}}', expect.stringContaining('field: status.result')],
    [
      'an unknown word for how it goes',
      '{"status":{"execution":"finished","result":{"finished":"none"}}}',
      expect.stringContaining('field: status.execution'),
    ],
    [
      'an unknown word for how it ended',
      '{"status":{"execution":"closed","result":{"finished":"maybe"}}}',
      expect.stringContaining('field: status.result.finished'),
    ],
    [
      'details that are one text',
      '{"status":{"execution":"closed","result":{"finished":"none"},"details":"x"}}',
      expect.stringContaining('field: status.details'),
    ],
    [
      'a code beyond 32 bits',
      '{"status":{"execution":"closed","result":{"finished":"none"},"code":2147483648}}',
      expect.stringContaining('field: status.code'),
    ],
  ])('of %s is 400 and changes nothing', async (_, body, message) => {
    const { client, rollout, id } = await offered()
    expect(wordOf(await client.send('POST', `/deploymentBase/${id}/feedback`, body))).toEqual(
      refused('REQUEST_INVALID', 400, message),
    )
    expect(await scene.stateOf(rollout, client)).toBe('offered')
    expect(await client.links()).toEqual(['deploymentBase'])
  })

  it('with members of other times and places is taken', async () => {
    const { client, rollout, id } = await offered()
    const status = {
      execution: 'proceeding',
      result: { finished: 'none', progress: {} },
      details: null,
      code: null,
      more: 1,
    }
    for (const old of [
      { id: 7, time: '20261127T233200' },
      { id: '', time: '' },
      { timestamp: 1_795_000_000_000, x: {} },
    ])
      expect(
        (await client.send('POST', `/deploymentBase/${id}/feedback`, JSON.stringify({ ...old, status }))).status,
      ).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('downloading')
  })

  it('with a raw newline in a string, as SWUpdate writes its errors, is recorded as the failure that it is', async () => {
    const { client, rollout, id } = await offered()
    const body = `{ "id": ${id}, "time": "20261127T233200", "status": { "result": { "progress": { "cnt" : 0, "of" : 1 }, "finished": "failure" }, "execution": "closed", "details" : [ "ERROR : Signature verification failed\n" ] } }`
    expect((await client.send('POST', `/deploymentBase/${id}/feedback`, body)).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('failed')
  })

  it('in CBOR is understood; in CBOR that is none it is 400', async () => {
    const { client, rollout, id } = await offered()
    const send = (hex: string) =>
      client.send('POST', `/deploymentBase/${id}/feedback`, Buffer.from(hex, 'hex'), {
        'content-type': 'application/cbor',
      })
    expect((await send('bf66737461747573')).status).toBe(400)
    expect((await send('a1667374617475739affffffff')).status).toBe(400)
    // {"status": {"execution": "closed", "result": {"finished": "failure"}}}, of indefinite length.
    const text = (word: string): string => (0x60 + word.length).toString(16) + Buffer.from(word).toString('hex')
    const body = `bf${text('status')}bf${text('execution')}${text('closed')}${text('result')}a1${text('finished')}${text('failure')}ffff`
    expect((await send(body)).status).toBe(200)
    expect(await scene.stateOf(rollout, client)).toBe('failed')
  })

  it('of another content type is 415, one too large 413; neither is read', async () => {
    const { client, id } = await offered()
    const path = `/deploymentBase/${id}/feedback`
    expect((await client.send('POST', path, 'closed', { 'content-type': 'text/plain' })).status).toBe(415)
    expect((await client.send('POST', path, '<x/>', { 'content-type': 'application/xml' })).status).toBe(415)
    const large = JSON.stringify({ status: { details: ['x'.repeat(300_000)] } })
    expect(wordOf(await client.send('POST', path, large))).toEqual(refused('BODY_TOO_LARGE', 413, 'limitBytes: 262144'))
  })

  it('of 48 long lines of log is kept, each line as far as it is worth', async () => {
    const { client, id } = await offered()
    const details = Array.from({ length: 60 }, () => `line ${'x'.repeat(2_000)}`)
    expect((await client.feedback(id, 'proceeding', 'none', { details })).status).toBe(200)
    const history = (await client.deployment('actionHistory=-1')).actionHistory?.messages ?? []
    expect(history).toHaveLength(51)
    expect(Math.max(...history.map((line) => line.length))).toBe(512)
  })

  it('after the end is 410, each time, changes nothing and is counted', async () => {
    const { client, rollout, id } = await offered()
    await client.feedback(id, 'closed', 'failure')
    for (const finished of ['success', 'failure', 'none'])
      expect(wordOf(await client.feedback(id, 'closed', finished))).toEqual(
        refused('ACTION_OVER', 410, `action: ${id}`),
      )
    expect(await scene.stateOf(rollout, client)).toBe('failed')
    const counted = await eventually(async () => {
      const { items } = await scene.fleet.call<{ items: { kind: string; count: number }[] }>('GET', '/ddi/refusals')
      return items.find(({ kind }) => kind === 'ACTION_OVER') ?? null
    })
    expect(counted.count).toBeGreaterThanOrEqual(3)
  })

  it('that comes twice at once ends the action once', async () => {
    const { client, rollout, id } = await offered()
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.feedback(id, 'closed', 'success')))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 410, 410, 410, 410, 410])
    expect(await scene.stateOf(rollout, client)).toBe('installed')
  })
})

describe('an address', () => {
  it.each([
    ['0', 404],
    ['-1', 404],
    ['2147483648', 404],
    ['99999999999999999999', 404],
    ['1e3', 404],
    ['abc', 404],
    ['78aa31ea-0000-4000-8000-000000000000', 404],
  ])('of action %s is %i', async (id, status) => {
    const client = await scene.client()
    for (const kind of ['deploymentBase', 'cancelAction', 'installedBase', 'confirmationBase'])
      expect((await client.get(`/${kind}/${id}`)).status).toBe(status)
    expect((await client.feedback(id, 'closed', 'success')).status).toBe(status)
    expect((await client.get(`/softwaremodules/${id}/artifacts/x`)).status).toBe(status)
  })

  it('of a client with more than 256 characters, or a NUL, is 400; with 256 it is a client like any other', async () => {
    const authorization = `TargetToken ${'a'.repeat(32)}`
    expect(wordOf(await scene.as('x'.repeat(257), authorization).get())).toEqual(refused('REQUEST_INVALID', 400))
    expect((await scene.as('ü'.repeat(257), authorization).get()).status).toBe(400)
    expect((await scene.as('a\0b', authorization).get()).status).toBe(400)
    const long = await scene.client('ü/ %?'.padEnd(256, 'ö'))
    expect((await long.get()).status).toBe(200)
    expect(await long.link('configData')).toBe(`http://updates.example:8080${long.base}/configData`)
    expect((await long.configData({ serial: '1' })).status).toBe(200)
  })

  it('with another method is 405 and says which there are', async () => {
    const client = await scene.client()
    const poll = await client.send('POST', '', '{}')
    expect({ ...wordOf(poll), allow: poll.headers['allow'] }).toEqual({
      ...refused('METHOD_NOT_ALLOWED', 405, 'allowed: GET, HEAD'),
      allow: 'GET, HEAD',
    })
    for (const [method, path] of [
      ['GET', '/configData'],
      ['PUT', '/deploymentBase/1/feedback'],
      ['DELETE', '/installedBase'],
      ['POST', '/softwaremodules/1/artifacts/x'],
    ] as const)
      expect((await client.send(method, path)).status).toBe(405)
  })
})

describe('attributes', () => {
  it('are merged, replaced and removed; 101 of them are 429, a long one is 400', async () => {
    const client = await scene.client()
    const held = async (): Promise<object> => {
      const [row] = await scene.fleet.sql<{ attributes: object }>('SELECT attributes FROM device WHERE id = $1', [
        client.id,
      ])
      return row?.attributes ?? {}
    }
    expect((await client.configData({ site: 'berlin', rack: 3, spare: true })).status).toBe(200)
    expect(await held()).toEqual({ site: 'berlin', rack: '3', spare: 'true' })
    await client.configData({ rack: '4' }, 'merge')
    await client.configData({ spare: '' }, 'remove')
    expect(await held()).toEqual({ site: 'berlin', rack: '4' })
    await client.configData({ only: 'this' }, 'replace')
    expect(await held()).toEqual({ only: 'this' })
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`a${index}`, 'x']))
    expect(wordOf(await client.configData(many))).toEqual(refused('RATE_EXCEEDED', 429, 'limit: 100; what: attributes'))
    expect(wordOf(await client.configData({ x: 'y'.repeat(129) }))).toEqual(refused('REQUEST_INVALID', 400))
    for (const body of ['{"data":[]}', '{"data":{"x":{}}}', '{"data":{},"mode":"add"}', '{}', 'x'])
      expect((await client.send('PUT', '/configData', body)).status).toBe(400)
    expect(await held()).toEqual({ only: 'this' })
  })

  it('that people gave a device stay as people said', async () => {
    const client = await scene.client()
    await scene.fleet.sql(`UPDATE device SET attributes = '{"site": "lyon"}' WHERE id = $1`, [client.id])
    await client.configData({ site: 'berlin', serial: '9' })
    await client.configData({ other: '1' }, 'replace')
    const [row] = await scene.fleet.sql<{ attributes: object }>('SELECT attributes FROM device WHERE id = $1', [
      client.id,
    ])
    expect(row?.attributes).toEqual({ site: 'lyon', other: '1' })
  })
})

it('whatever comes, it was counted, and nothing was a failure of ours', async () => {
  expect((await scene.as('nobody', 'TargetToken wrong').get()).status).toBe(401)
  const { items } = await scene.fleet.call<{ items: { kind: string }[] }>('GET', '/ddi/refusals')
  expect(items.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['REQUEST_INVALID', 'NOT_FOUND', 'UNAUTHENTICATED']),
  )
  expect(items.map(({ kind }) => kind)).not.toContain('INTERNAL')
})
