import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { DdiScene } from '../support/ddi-scene.js'
import { makeServerCertificate } from '../support/soft-authority.js'

const folder = mkdtempSync(join(tmpdir(), 'cs-ddi-https-'))
const { certificateFile, keyFile } = makeServerCertificate(folder)
const tls = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }
const scene = new DdiScene({ config: { tls } })
let origin = ''
beforeAll(async () => {
  await scene.fleet.app.listen(0, '127.0.0.1')
  origin = await scene.fleet.app.getUrl()
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

const get = (path: string, authorization: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { headers: { authorization }, ca: tls.cert, rejectUnauthorized: false, agent: false }
    request(new URL(path, origin), options, (answer) => resolve(text(answer)))
      .on('error', reject)
      .end()
  })

it('a client that comes by TLS to the server itself is pointed to https, at the first poll and from memory', async () => {
  const client = await scene.client()
  for (let polls = 0; polls < 3; polls += 1)
    expect(await get(client.base, client.authorization)).toContain(`"${origin}${client.base}/configData"`)
  expect(origin).toMatch(/^https:/)
  await scene.rollout(await scene.release(new Uint8Array(2_000).fill(7)), [client])
  const poll = JSON.parse(await get(client.base, client.authorization)) as {
    _links: { deploymentBase: { href: string } }
  }
  const { pathname } = new URL(poll._links.deploymentBase.href)
  const deployment = await get(pathname, client.authorization)
  expect(deployment).toContain(`"download":{"href":"${origin}`)
  expect(deployment).not.toContain('http://')
})
