import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sha256, toHex, utf8 } from '../../domain/bytes.js'
import { FolderFirmwareStore } from './folder-firmware-store.js'
import { readRange } from './range-header.js'

const image = utf8('firmware of a gateway')
const digest = sha256(image)

describe('firmware in a folder', () => {
  let folder = ''
  let store: FolderFirmwareStore
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-store-'))
    store = new FolderFirmwareStore(folder, 1_000, 'server-1')
    await store.onModuleInit()
  })
  afterEach(() => rm(folder, { recursive: true }))

  const files = async (): Promise<string[]> =>
    (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile()).map((e) => e.name)

  it('gives back what it took, in whole and in part', async () => {
    await store.put(digest, Readable.from([image.subarray(0, 4), image.subarray(4)]), image.length)
    expect(await store.findSizeBytes(digest)).toBe(image.length)
    expect(new Uint8Array(await buffer(await store.read(digest)))).toEqual(image)
    expect(new Uint8Array(await buffer(await store.read(digest, { first: 3, last: 5 })))).toEqual(image.subarray(3, 6))
  })

  it.each([
    ['a byte too many', image, image.length - 1, 'PAYLOAD_TOO_LONG', { limitBytes: image.length - 1 }],
    [
      'a byte too few',
      image,
      image.length + 1,
      'PAYLOAD_TOO_SHORT',
      { expectedBytes: image.length + 1, foundBytes: image.length },
    ],
    ['more than the limit', image, 1_001, 'IMAGE_TOO_LARGE', { sizeBytes: 1_001, limitBytes: 1_000 }],
  ])('refuses %s and keeps nothing', async (_, bytes, sizeBytes, code, detail) => {
    await expect(store.put(digest, Readable.from([bytes]), sizeBytes)).rejects.toMatchObject({ code, detail })
    expect(await files()).toEqual([])
  })

  it('refuses bytes of another digest and keeps nothing', async () => {
    const expected = '00'.repeat(32)
    const put = store.put(new Uint8Array(32), Readable.from([image]), image.length)
    const detail = { what: 'firmware', expected, found: toHex(digest) }
    await expect(put).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', detail })
    expect(await files()).toEqual([])
  })

  it('keeps nothing of a stream that breaks off', async () => {
    const broken = Readable.from(
      (function* () {
        yield image.subarray(0, 5)
        throw new Error('connection reset')
      })(),
    )
    const put = store.put(digest, broken, image.length)
    await expect(put).rejects.toMatchObject({ code: 'UPLOAD_INTERRUPTED', detail: { receivedBytes: 5 } })
    expect(await files()).toEqual([])
    expect(await store.findSizeBytes(digest)).toBeNull()
  })

  it('sweeps at start what its own instance left, and what stopped growing; never what another writes', async () => {
    const incoming = join(folder, 'incoming')
    await mkdir(incoming, { recursive: true })
    for (const name of ['server-1.a', 'server-2.dead', 'server-2.alive']) await writeFile(join(incoming, name), 'half')
    const longAgo = Date.now() / 1_000 - 3_600
    await utimes(join(incoming, 'server-2.dead'), longAgo, longAgo)
    await store.onModuleInit()
    expect(await files()).toEqual(['server-2.alive'])
  })

  it('says which digest it does not have', async () => {
    const detail = { sha256: toHex(digest) }
    await expect(store.read(digest)).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN', detail })
  })
})

describe('a range', () => {
  it.each([
    [undefined, null],
    ['bytes=0-', { first: 0, last: 99 }],
    ['bytes=10-19', { first: 10, last: 19 }],
    ['bytes=90-200', { first: 90, last: 99 }],
    ['bytes=-10', { first: 90, last: 99 }],
    ['bytes=-200', { first: 0, last: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-3', null],
    ['bytes=-', null],
    ['bytes=0-1,5-6', null],
    ['lines=1-2', null],
  ])('%s of 100 bytes is %j', (header, range) => {
    expect(readRange(header, 100)).toEqual(range)
  })
})
