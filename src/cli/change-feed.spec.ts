import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, expect, it } from '@jest/globals'
import { z } from 'zod'
import { eventually } from '../../test/support/eventually.js'
import { answerChunks } from './answer-chunks.js'
import { ApiClient } from './api-client.js'
import { ChangeFeed } from './change-feed.js'

let server: Server
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

/** Answers, and never comes to an end. */
async function serve(contentType: string, begin: string): Promise<{ api: ApiClient; open: Set<ServerResponse> }> {
  const open = new Set<ServerResponse>()
  server = createServer((_, response) => {
    open.add(response.once('close', () => open.delete(response)))
    response.writeHead(200, { 'content-type': contentType }).write(begin)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { api: new ApiClient({ server: `http://127.0.0.1:${port}`, namespace: 'gateway/prod' }, 'cst_test'), open }
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
/** What nobody holds is gone. */
async function tidy(): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('ends when nobody wants it any more, also after garbage was collected', async () => {
  const { api, open } = await serve('text/event-stream', ':\n\n')
  const feed = new ChangeFeed(api, ['rollout.*'], 'r1')
  await eventually(() => expect(feed.isLive).toBe(true))
  await tidy()
  await feed.end()
  await eventually(() => expect(open.size).toBe(0))
})

it('an answer that does not come to its end is given up, also after garbage was collected', async () => {
  const { api, open } = await serve('application/json', '{')
  const ending = new AbortController()
  const response = await api.send('/rollouts/r1', { signal: ending.signal })
  const read = (async () => {
    for await (const chunk of answerChunks(response, ending.signal)) z.instanceof(Uint8Array).parse(chunk)
  })()
  await tidy()
  ending.abort(new Error('too late'))
  await expect(read).rejects.toThrow('too late')
  await eventually(() => expect(open.size).toBe(0))
})
