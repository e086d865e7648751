import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { beforeAll, expect, it } from '@jest/globals'
import { sha256, toHex, utf8 } from '../../src/domain/bytes.js'
import { FirmwareWriter, type AnnouncedUpload } from '../../src/server/storage/firmware-writer.service.js'
import type { FirmwareStore } from '../../src/server/storage/firmware-store.port.js'

/** A stream that breaks off after its chunks, as a cut connection does. */
export function brokenStream(...chunks: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return Readable.from(
    (function* () {
      yield* chunks
      throw new Error('connection reset')
    })(),
  )
}

let made = 0
/** Bytes nobody had before, and an announcement of them. */
export function makeUpload(sizeBytes = 2_000): { image: Uint8Array; upload: AnnouncedUpload } {
  made += 1
  const image = new Uint8Array(sizeBytes).fill(made)
  image.set(utf8(`firmware ${made} ${randomUUID()}`))
  return { image, upload: { id: randomUUID(), sha256: sha256(image), sizeBytes } }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** What every store keeps, whatever it is made of; its adapters' specs run this. */
export function describeStore(storeOf: () => FirmwareStore, largeBytes: number): void {
  let store: FirmwareStore
  let writer: FirmwareWriter
  beforeAll(() => {
    store = storeOf()
    writer = new FirmwareWriter(store)
  })

  const bytesOf = async (digest: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await buffer(await store.read(digest)))
  const incoming = async (): Promise<string[]> => (await collect(store.listIncoming())).map((each) => each.id)
  const isListed = async (digest: Uint8Array): Promise<boolean> =>
    (await collect(store.list())).some((each) => toHex(each) === toHex(digest))

  it('gives back what it took, in whole and in part', async () => {
    const { image, upload } = makeUpload()
    await writer.append(upload, 0, Readable.from([image.subarray(0, 4), image.subarray(4)]))
    expect(await store.findSizeBytes(upload.sha256)).toBeNull()
    await writer.requireWhole(upload)
    await writer.publish(upload)
    expect(await store.findSizeBytes(upload.sha256)).toBe(image.length)
    expect(await bytesOf(upload.sha256)).toEqual(image)
    const part = await buffer(await store.read(upload.sha256, { first: 3, last: 5 }))
    expect(new Uint8Array(part)).toEqual(image.subarray(3, 6))
    expect(await isListed(upload.sha256)).toBe(true)
    expect(await incoming()).toEqual([])
  })

  it('goes on where it was cut off, also in a process that knows nothing of it', async () => {
    const { image, upload } = makeUpload(largeBytes)
    const cuts = [0, 700_001, Math.floor(largeBytes / 2), largeBytes]
    for (const [index, end] of cuts.slice(1).entries()) {
      const fresh = new FirmwareWriter(store)
      const at = await store.findIncomingSizeBytes(upload.id)
      expect(at).toBe(cuts[index])
      const piece = image.subarray(at, end)
      const isLast = end === largeBytes
      const sent = fresh.append(upload, at, isLast ? Readable.from([piece]) : brokenStream(piece))
      if (isLast) await sent
      else await expect(sent).rejects.toMatchObject({ code: 'UPLOAD_INTERRUPTED', detail: { receivedBytes: end } })
    }
    const last = new FirmwareWriter(store)
    await last.requireWhole(upload)
    await last.publish(upload)
    expect(toHex(sha256(await bytesOf(upload.sha256)))).toBe(toHex(upload.sha256))
    expect(await incoming()).toEqual([])
  }, 120_000)

  it('refuses a byte too many, and a byte too few', async () => {
    const { image, upload } = makeUpload()
    const short = { ...upload, sizeBytes: image.length - 1 }
    const detail = { limitBytes: image.length - 1 }
    await expect(writer.append(short, 0, Readable.from([image]))).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LONG',
      detail,
    })
    await writer.discard(upload.id)
    await writer.append(upload, 0, Readable.from([image.subarray(1)]))
    await expect(writer.requireWhole(upload)).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_SHORT',
      detail: { expectedBytes: image.length, foundBytes: image.length - 1 },
    })
    await writer.discard(upload.id)
    expect(await incoming()).toEqual([])
  })

  it('refuses bytes of another digest, whether it hashed them as they came or reads them again', async () => {
    const { image, upload } = makeUpload()
    const other = { ...upload, sha256: new Uint8Array(32) }
    await writer.append(other, 0, Readable.from([image]))
    const detail = { what: 'firmware', expected: '00'.repeat(32), found: toHex(upload.sha256) }
    for (const each of [writer, new FirmwareWriter(store)])
      await expect(each.requireWhole(other)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH', detail })
    await writer.discard(other.id)
    expect(await incoming()).toEqual([])
  })

  it('keeps the same bytes once', async () => {
    const { image, upload } = makeUpload()
    for (const id of [upload.id, randomUUID()]) {
      await writer.append({ ...upload, id }, 0, Readable.from([image]))
      await writer.publish({ ...upload, id })
    }
    const same = (await collect(store.list())).filter((each) => toHex(each) === toHex(upload.sha256))
    expect(same).toHaveLength(1)
  })

  it('removes, and forgets, safe to repeat', async () => {
    const { image, upload } = makeUpload()
    await writer.append(upload, 0, Readable.from([image]))
    await writer.publish(upload)
    for (let times = 0; times < 2; times += 1) {
      await store.remove(upload.sha256)
      await store.discard(upload.id)
    }
    expect(await store.findSizeBytes(upload.sha256)).toBeNull()
    const detail = { sha256: toHex(upload.sha256) }
    await expect(store.read(upload.sha256)).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN', detail })
  })

  it('says when an upload last grew', async () => {
    const { image, upload } = makeUpload()
    await writer.append(upload, 0, Readable.from([image]))
    const [found] = await collect(store.listIncoming())
    expect(found).toMatchObject({ id: upload.id })
    expect(Math.abs((found?.changedMs ?? 0) - Date.now())).toBeLessThan(60_000)
    await store.discard(upload.id)
  })

  it.each(['../firmware', 'a/b', '', '.hidden', 'A', 'a..b', 'x'.repeat(81)])(
    'never takes %j for the name of an upload',
    async (id) => {
      await expect((async () => store.append(id, 0, Readable.from([])))()).rejects.toThrow('not a name of an upload')
    },
  )
}
