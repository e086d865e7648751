import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'

let bench: CliBench
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterEach(() => bench.close())
const sent = (): unknown => JSON.parse(Buffer.from(bench.courier.calls.at(-1)?.body ?? []).toString())

describe('countersign device ddi', () => {
  it('registers a client and shows its token once', async () => {
    bench.courier.on('POST /ddi/targets', () => ({ deviceId: 'd1', token: 'secret-of-d1' }))
    const lines = await bench.must('device', 'ddi', 'register', 'pump-17', '--class', 'gateway-r2')
    expect(lines).toEqual(['device d1', 'token, shown this once:', 'secret-of-d1'])
    expect(sent()).toEqual({ controllerId: 'pump-17', className: 'gateway-r2' })
  })

  it('takes over a token that a fleet has already, from a file', async () => {
    bench.courier.on('POST /ddi/targets/d1/token', () => ({ token: 'old-token-of-the-fleet' }))
    const file = join(bench.folder, 'token')
    writeFileSync(file, 'old-token-of-the-fleet\n')
    await bench.must('device', 'ddi', 'token', 'd1', '--token-file', file)
    expect(sent()).toEqual({ token: 'old-token-of-the-fleet' })
  })

  it('makes a token for a gateway, with what it may let in and until when', async () => {
    bench.courier.on('POST /ddi/gateway-tokens', () => ({ id: 'g1', token: 'secret' }))
    await bench.must('device', 'ddi', 'gateway', '--label', 'hall-3', '--class', 'a', '--uses', '5', '--expires', '2')
    expect(sent()).toMatchObject({ label: 'hall-3', className: 'a', uses: 5, expires: expect.any(Number) })
  })

  it('tells the history of a client, whose words cannot forge a line', async () => {
    const entry = { atMs: 0, by: 'client', status: 'RUNNING', progress: [1, 2], messages: ['one\u001b[2J'] }
    const items = [{ id: '7', rolloutId: 'r1', outcome: null, repeats: 2, entries: [entry] }]
    bench.courier.on('GET /ddi/targets/d1/actions', () => ({ items, next: null }))
    expect(await bench.must('device', 'ddi', 'history', 'd1')).toEqual([
      'action 7  rollout r1  open, 2 times the same words again',
      '  1970-01-01T00:00:00.000Z  client  RUNNING 1/2  one?[2J',
    ])
  })

  it('lists clients', async () => {
    const items = [{ controllerId: 'pump-17', deviceId: 'd1', className: 'gateway-r2' }]
    bench.courier.on('GET /ddi/targets', () => ({ items, next: null }))
    expect(await bench.must('device', 'ddi', 'list')).toEqual(['pump-17  d1  gateway-r2'])
  })
})
