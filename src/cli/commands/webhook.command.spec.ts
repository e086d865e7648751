import { readFileSync, statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'

let bench: CliBench
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterEach(() => bench.close())

describe('countersign webhook', () => {
  it('writes the secret to a closed file, and says it nowhere', async () => {
    bench.courier.on('POST /webhooks', () => ({ id: 'w-1', url: 'https://a.example/', secret: 'whsec_abc' }))
    const url = ['--url', 'https://a.example/']
    const output = await bench.must(
      'webhook',
      'create',
      ...url,
      '--type',
      'rollout.*',
      '--out',
      bench.path('s'),
      '--json',
    )
    expect(bench.courier.posted('/webhooks')).toEqual([{ url: 'https://a.example/', types: ['rollout.*'] }])
    expect(output.join()).not.toContain('whsec_abc')
    expect(readFileSync(bench.path('s'), 'utf8')).toBe('whsec_abc\n')
    expect(statSync(bench.path('s')).mode & 0o777).toBe(0o600)
  })

  it('makes no webhook whose secret could not be written', async () => {
    const words = ['--url', 'https://a.example/', '--out', bench.path('passphrase')]
    expect((await bench.run('webhook', 'create', ...words)).errors[0]).toContain('refused: FILE_EXISTS')
    expect(bench.courier.posted('/webhooks')).toEqual([])
  })

  it('replays from so many hours ago, and says how many messages', async () => {
    bench.courier.on('POST /webhooks/w-1/replay', () => ({ messages: 3 }))
    expect(await bench.must('webhook', 'replay', 'w-1', '--hours', '2')).toEqual(['3 messages are sent again'])
    expect(bench.courier.posted('/webhooks/w-1/replay')).toEqual([{ since: bench.trust.now - 7_200 }])
  })
})

describe('countersign events', () => {
  it('prints one line an event and how to go on', async () => {
    const item = { id: 'e-1', position: 7, atMs: 1_000, type: 'rollout.paused', data: { rollout: 'r-1' } }
    bench.courier.on('GET /events', () => ({ items: [item], next: '7' }))
    expect(await bench.must('events', '--type', 'rollout.*', '--limit', '1')).toEqual([
      '1970-01-01T00:00:01.000Z rollout.paused {"rollout":"r-1"}',
      'next: countersign events --after 7',
    ])
    expect(bench.courier.calls.at(-1)?.query.toString()).toBe('limit=1&type=rollout.*')
  })
})
