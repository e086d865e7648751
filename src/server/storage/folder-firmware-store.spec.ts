import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { describeStore, makeUpload } from '../../../test/support/store-contract.js'
import { SmallDisk } from '../../../test/support/small-disk.js'
import { FirmwareWriter } from './firmware-writer.service.js'
import { FolderFirmwareStore } from './folder-firmware-store.js'

describe('firmware in a folder', () => {
  let folder = ''
  let store: FolderFirmwareStore
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-store-'))
    store = new FolderFirmwareStore(folder)
    await store.onModuleInit()
  })
  afterAll(() => rm(folder, { recursive: true }))

  describeStore(() => store, 9_000_000)

  it('keeps a memory of one write, however much comes', async () => {
    const piece = new Uint8Array(65_536)
    const { upload } = makeUpload()
    const large = { ...upload, sizeBytes: 400 * 1_048_576 }
    const pieces = Readable.from(
      (function* () {
        for (let sent = 0; sent < large.sizeBytes; sent += piece.length) yield piece
      })(),
      { highWaterMark: 16 },
    )
    const before = process.memoryUsage().rss
    await new FirmwareWriter(store).append(large, 0, pieces)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576)
    await store.discard(upload.id)
  }, 120_000)

  it('says so when its folder is gone', async () => {
    const gone = new FolderFirmwareStore(join(folder, 'gone'))
    const { image, upload } = makeUpload()
    const sent = new FirmwareWriter(gone).append(upload, 0, Readable.from([image]))
    await expect(sent).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', detail: { why: 'its folder is gone' } })
  })
})

// Elsewhere than on Linux nobody but root mounts anything.
;(process.platform === 'linux' ? describe : describe.skip)('firmware on a disk that is full', () => {
  let folder = ''
  let disk: SmallDisk
  let store: FolderFirmwareStore
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-full-'))
    disk = await SmallDisk.mount(folder, '8m')
    store = new FolderFirmwareStore(disk.outside)
    await store.onModuleInit()
  })
  afterAll(async () => {
    await disk.unmount()
    await rm(folder, { recursive: true })
  })

  it('is refused by that name, and goes on when there is room again', async () => {
    const filler = makeUpload(5_000_000)
    const writer = new FirmwareWriter(store)
    await writer.append(filler.upload, 0, Readable.from([filler.image]))
    const { image, upload } = makeUpload(6_000_000)
    await expect(writer.append(upload, 0, Readable.from([image]))).rejects.toMatchObject({
      code: 'STORE_FULL',
      detail: {},
    })
    await store.discard(filler.upload.id)
    const at = await store.findIncomingSizeBytes(upload.id)
    expect(at).toBeGreaterThan(0)
    await writer.append(upload, at, Readable.from([image.subarray(at)]))
    await writer.requireWhole(upload)
    await writer.publish(upload)
    expect(await readdir(join(disk.outside, 'incoming'))).toEqual([])
  })
})
