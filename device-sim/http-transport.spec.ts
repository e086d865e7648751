import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { LyingServer } from '../test/support/lying-server.js'
import { Unreachable } from './device-server.port.js'
import { HttpTransport } from './http-transport.js'

describe('the HTTP transport', () => {
  let server: LyingServer
  beforeEach(async () => {
    server = await LyingServer.start()
    server.payload = new Uint8Array(64).fill(1)
  })
  afterEach(() => server.stop())

  const transport = (limits: { stretchMs?: number; leastBytes?: number; answerMs?: number } = {}) =>
    new HttpTransport({ serverUrl: server.url, namespace: 'gateway/prod', limits })
  const fetched = async (http: HttpTransport, base: string, offset = 0): Promise<number> => {
    let bytes = 0
    await http.fetchPayload(base, 'payload/00', offset, async (piece) => {
      bytes += piece.length
    })
    return bytes
  }
  const BASE = '/device/v1/gateway/prod/'

  it('brings a payload, whole or from an offset', async () => {
    expect(await fetched(transport(), BASE)).toBe(64)
    expect(await fetched(transport(), BASE, 60)).toBe(4)
    server.ignoresRange = true
    expect(await fetched(transport(), BASE, 60)).toBe(4)
  })

  it('gives up a payload that drips', async () => {
    server.dripMs = 40
    const started = Date.now()
    const attempt = fetched(transport({ stretchMs: 100, leastBytes: 32 }), BASE)
    await expect(attempt).rejects.toThrow(new Unreachable('the answer came too slowly'))
    expect(Date.now() - started).toBeLessThan(1_000)
  })

  it('gives up a server that does not answer', async () => {
    const silent = new HttpTransport({ serverUrl: server.url, namespace: 'gateway/prod', limits: { answerMs: 50 } })
    server.hangs = true
    await expect(silent.findKrl()).rejects.toThrow(new Unreachable('no answer in time'))
  })

  it('calls a refused connection an outage', async () => {
    const nowhere = new HttpTransport({ serverUrl: 'http://127.0.0.1:9', namespace: 'gateway/prod' })
    await expect(nowhere.findKrl()).rejects.toThrow(Unreachable)
  })

  it.each(['ftp://elsewhere/', 'http://[/'])('follows no address such as %s', async (base) => {
    await expect(fetched(transport(), base)).rejects.toThrow(Unreachable)
  })

  it('answers null for a document that is not there', async () => {
    expect(await transport().findRoot(9)).toBeNull()
    expect(await transport().findKrl()).toBeNull()
  })
})
