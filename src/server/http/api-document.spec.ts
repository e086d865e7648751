import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { makeApiDocument } from './api-document.js'

describe('OpenAPI document', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(() => bench.stop())

  it('is the one that is checked in; `node scripts/print-generated.mjs` writes it anew', async () => {
    const checkedIn: unknown = JSON.parse(await readFile('openapi.json', 'utf8'))
    expect(JSON.parse(JSON.stringify(makeApiDocument(bench.server.app)))).toEqual(checkedIn)
  })

  it('is served, with a page to read it', async () => {
    const document = await bench.server.app.inject({ url: '/api/openapi.json' })
    expect(document.json()).toMatchObject({ openapi: '3.0.0', info: { title: 'Countersign' } })
    const page = await bench.server.app.inject({ url: '/api/docs' })
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-type']).toContain('text/html')
  })
})
