import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { RadosGateway } from '../../../test/support/rados-gateway.js'
import { describeStore, makeUpload } from '../../../test/support/store-contract.js'
import { FirmwareWriter } from './firmware-writer.service.js'
import { S3FirmwareStore } from './s3-firmware-store.js'
import { connectToS3 } from './s3-connection.js'
import { PART_BYTES } from './s3-parts.js'

// Ceph's gateway comes from Debian's packages; where there are none these tests count as skipped.
;(process.platform === 'linux' ? describe : describe.skip)('firmware in an S3-compatible store', () => {
  let gateway: RadosGateway
  let store: S3FirmwareStore
  beforeAll(async () => {
    gateway = await RadosGateway.start()
    store = new S3FirmwareStore(gateway.s3)
  }, 180_000)
  afterAll(async () => {
    store.onModuleDestroy()
    await gateway.stop()
  }, 60_000)

  const keep = async (sizeBytes: number): Promise<ReturnType<typeof makeUpload>> => {
    const made = makeUpload(sizeBytes)
    const writer = new FirmwareWriter(store)
    await writer.append(made.upload, 0, Readable.from([made.image]))
    await writer.requireWhole(made.upload)
    await writer.publish(made.upload)
    return made
  }

  // More than two parts, the last of them short.
  describeStore(() => store, 2 * PART_BYTES + 1_000_003)

  it.each([PART_BYTES - 1, PART_BYTES, PART_BYTES + 1])(
    'has nothing odd at %i bytes, where parts end',
    async (size) => {
      const { upload } = await keep(size)
      expect(await store.findSizeBytes(upload.sha256)).toBe(size)
    },
    60_000,
  )

  it('gives an address that needs no key and takes ranges, for so long', async () => {
    const { image, upload } = await keep(5_000)
    const url = (await store.findDownloadUrl(upload.sha256, 60)) ?? ''
    expect(url).not.toContain(gateway.s3.secretAccessKey)
    const answer = await fetch(url, { headers: { range: 'bytes=10-19' } })
    expect([answer.status, new Uint8Array(await answer.arrayBuffer())]).toEqual([206, image.subarray(10, 20)])
    const forged = url.replace(/Signature=[0-9a-f]{8}/, 'Signature=00000000')
    expect((await fetch(forged)).status).toBe(403)
    const over = url.replace(/X-Amz-Expires=60/, 'X-Amz-Expires=61')
    expect((await fetch(over)).status).toBe(403)
  })

  it('is refused by the server when a part is not the bytes that were signed', async () => {
    const client = connectToS3(gateway.s3)
    // What is sent is changed after it was hashed, as a fault on the way would.
    client.middlewareStack.add(
      (next) => async (args) => {
        const request = args.request as { body: Uint8Array }
        request.body = Uint8Array.from(request.body, (byte, index) => (index === 7 ? byte ^ 1 : byte))
        return next(args)
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    const Key = 'incoming/tampered/000000'
    const sent = client.send(new PutObjectCommand({ Bucket: gateway.s3.bucket, Key, Body: new Uint8Array(100) }))
    await expect(sent).rejects.toMatchObject({ name: 'XAmzContentSHA256Mismatch' })
    client.destroy()
    expect(await store.findIncomingSizeBytes('tampered')).toBe(0)
  })

  it('leaves no half multipart upload behind when it cannot be put together', async () => {
    const { image, upload } = makeUpload(PART_BYTES + 10)
    const writer = new FirmwareWriter(store)
    await writer.append(upload, 0, Readable.from([image]))
    const [first] = [`incoming/${upload.id}/000000`]
    const client = connectToS3(gateway.s3)
    // A first part that is too small to be one: the last call refuses.
    await client.send(new PutObjectCommand({ Bucket: gateway.s3.bucket, Key: first, Body: new Uint8Array(10) }))
    await expect(store.publish(upload.id, upload.sha256)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    const open = await client.send(new ListMultipartUploadsCommand({ Bucket: gateway.s3.bucket }))
    expect(open.Uploads ?? []).toEqual([])
    expect(await store.findSizeBytes(upload.sha256)).toBeNull()
    await store.discard(upload.id)
    client.destroy()
  }, 60_000)

  it('says so when the store is down, and goes on when it is back', async () => {
    const { image, upload } = makeUpload(PART_BYTES + 500_000)
    const writer = new FirmwareWriter(store)
    await writer.append(upload, 0, Readable.from([image.subarray(0, 1_000)]))
    await gateway.stopGateway()
    const unavailable = { code: 'STORE_UNAVAILABLE', detail: { why: 'the object store does not answer' } }
    await expect(writer.append(upload, 1_000, Readable.from([image.subarray(1_000)]))).rejects.toMatchObject(
      unavailable,
    )
    await expect(store.findSizeBytes(upload.sha256)).rejects.toMatchObject(unavailable)
    await gateway.startGateway()
    const at = await store.findIncomingSizeBytes(upload.id)
    expect(at).toBe(1_000)
    await writer.append(upload, at, Readable.from([image.subarray(at)]))
    await writer.requireWhole(upload)
    await writer.publish(upload)
    expect(await store.findSizeBytes(upload.sha256)).toBe(image.length)
  }, 120_000)

  it('refuses a wrong secret by a word that people can act on', async () => {
    const other = new S3FirmwareStore({ ...gateway.s3, secretAccessKey: 'wrong' })
    const { image, upload } = makeUpload()
    const sent = new FirmwareWriter(other).append(upload, 0, Readable.from([image]))
    const detail = { why: 'the object store refused: SignatureDoesNotMatch' }
    await expect(sent).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', detail })
    other.onModuleDestroy()
  })
})
