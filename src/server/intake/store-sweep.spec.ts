import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { eventually } from '../../../test/support/eventually.js'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { sha256, sha1, toHex } from '../../domain/bytes.js'
import { OldDigestsService } from './old-digests.service.js'
import { OwnUploads } from './own-uploads.service.js'
import { StoreSweep } from './store-sweep.service.js'

describe('what uploads leave behind', () => {
  let bench: PeopleBench
  let incoming = ''
  beforeAll(async () => {
    bench = await PeopleBench.start()
    incoming = join(bench.server.config.storeDir, 'incoming')
  }, 60_000)
  afterAll(() => bench.stop())

  const names = async (): Promise<string[]> => (await readdir(incoming)).sort()
  const leave = async (name: string, ageSeconds = 0): Promise<void> => {
    const path = join(incoming, name)
    await writeFile(path, 'half')
    const at = Date.now() / 1_000 - ageSeconds
    await utimes(path, at, at)
  }

  it('is swept when an earlier run of this instance left it, or when it stopped growing; never what is being written', async () => {
    const uploads = bench.server.app.get(OwnUploads)
    const own = uploads.next()
    for (const name of ['test.earlier.one', own, 'other.run.alive', 'tested.run.alive']) await leave(name)
    await leave('other.run.dead', 4_000)
    await bench.server.app.get(StoreSweep).sweep()
    expect(await names()).toEqual(['other.run.alive', own, 'tested.run.alive'].sort())
    for (const name of await names()) await leave(name, 4_000)
    await bench.server.app.get(StoreSweep).sweep()
    // Somebody still brings it, on a line that is slower than a flush.
    expect(await names()).toEqual([own])
    uploads.end(own)
    await bench.server.app.get(StoreSweep).sweep()
    expect(await names()).toEqual([])
  })

  it('is removed where a crash came between the bytes and their row', async () => {
    const orphan = 'ab'.repeat(32)
    const image = bench.makeImage()
    expect((await bench.upload(image)).status).toBe(201)
    const whole = join(bench.server.config.storeDir, 'firmware')
    await mkdir(join(whole, 'ab'), { recursive: true })
    await writeFile(join(whole, 'ab', orphan), 'bytes')
    await bench.server.app.get(StoreSweep).sweep()
    const names = await readdir(whole, { recursive: true })
    expect(names.some((name) => name.endsWith(orphan))).toBe(false)
    expect(names.some((name) => name.endsWith(toHex(sha256(image))))).toBe(true)
  })
})

describe('digests for older protocols', () => {
  let bench: PeopleBench
  beforeAll(async () => {
    bench = await PeopleBench.start()
  }, 60_000)
  afterAll(() => bench.stop())

  const view = async (image: Uint8Array): Promise<Record<string, unknown>> =>
    (await bench.call('GET', `/firmware/${toHex(sha256(image))}`, 'auditor')).body

  it('are worked out by themselves after an upload', async () => {
    const image = bench.makeImage()
    expect((await bench.upload(image)).status).toBe(201)
    await eventually(async () => expect((await view(image))['sha1']).toBe(toHex(sha1(image))))
    expect((await view(image))['md5']).toMatch(/^[0-9a-f]{32}$/)
  })

  it('are there for whoever cannot do without them, and for what an earlier process left undone', async () => {
    const image = bench.makeImage()
    expect((await bench.upload(image)).status).toBe(201)
    await eventually(async () => expect((await view(image))['sha1']).not.toBeNull())
    const forget = (): Promise<unknown> => bench.server.database.query('UPDATE firmware SET sha1 = NULL, md5 = NULL')
    const digests = bench.server.app.get(OldDigestsService)
    await forget()
    const { sha1: found } = await digests.require(bench.trust.namespace, sha256(image))
    expect(toHex(found)).toBe(toHex(sha1(image)))
    await forget()
    await digests.onApplicationBootstrap()
    await eventually(async () => expect((await view(image))['sha1']).toBe(toHex(sha1(image))))
  })
})
