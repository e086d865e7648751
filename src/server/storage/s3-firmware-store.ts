import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  type S3Client,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { Readable } from 'node:stream'
import type { OnModuleDestroy } from '@nestjs/common'
import { fromHex, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { FirmwareStore, type ByteRange, type IncomingBytes } from './firmware-store.port.js'
import { requireIncomingId } from './incoming-id.js'
import type { S3Config } from './s3-config.js'
import { atS3, connectToS3, isMissing } from './s3-connection.js'
import { deleteObject, listObjects, readObject, S3Parts, type Part } from './s3-parts.js'

const WHOLE = 'firmware/'
const INCOMING = 'incoming/'
/** Parts that are put together at a time. */
const COPIES = 8

/** An S3-compatible store: `firmware/abcd…` holds what is whole, `incoming/<id>/` the parts of what is on its way. */
export class S3FirmwareStore extends FirmwareStore implements OnModuleDestroy {
  private readonly client: S3Client
  private readonly downloads: S3Client | null
  private readonly bucket: string

  constructor(config: S3Config) {
    super()
    this.client = connectToS3(config)
    this.downloads = config.downloadEndpoint === null ? null : connectToS3(config, config.downloadEndpoint)
    this.bucket = config.bucket
  }

  onModuleDestroy(): void {
    this.client.destroy()
    this.downloads?.destroy()
  }

  override async findSizeBytes(sha256: Uint8Array): Promise<number | null> {
    try {
      const found = await atS3(() => this.client.send(new HeadObjectCommand(this.at(keyOf(sha256)))))
      return found.ContentLength ?? 0
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  override localPath(): null {
    return null
  }

  override async read(sha256: Uint8Array, range?: ByteRange): Promise<Readable> {
    try {
      const part = range === undefined ? undefined : `bytes=${range.first}-${range.last}`
      return await readObject(this.client, this.bucket, keyOf(sha256), part)
    } catch (error) {
      if (isMissing(error)) throw new Refusal('IMAGE_UNKNOWN', { sha256: toHex(sha256) })
      throw error
    }
  }

  override async findDownloadUrl(sha256: Uint8Array, lifeSeconds: number): Promise<string | null> {
    if (this.downloads === null) return null
    const request = new GetObjectCommand(this.at(keyOf(sha256)))
    return getSignedUrl(this.downloads, request, { expiresIn: lifeSeconds })
  }

  override remove(sha256: Uint8Array): Promise<void> {
    return deleteObject(this.client, this.bucket, keyOf(sha256))
  }

  override async *list(): AsyncGenerator<Uint8Array> {
    for await (const { key } of listObjects(this.client, this.bucket, WHOLE)) {
      const name = key.slice(WHOLE.length)
      if (/^[0-9a-f]{64}$/.test(name)) yield fromHex(name)
    }
  }

  override async findIncomingSizeBytes(id: string): Promise<number> {
    return (await this.partsOf(id)).reduce((sum, part) => sum + part.sizeBytes, 0)
  }

  override async append(id: string, _at: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    const parts = await S3Parts.open(this.client, this.bucket, prefixOf(id), await this.partsOf(id))
    try {
      for await (const chunk of source) await parts.take(chunk)
    } finally {
      await parts.end()
    }
  }

  override async readIncoming(id: string): Promise<Readable> {
    const parts = await this.partsOf(id)
    if (parts.length === 0) throw new Refusal('NOT_FOUND', { what: 'upload', id })
    const { client, bucket } = this
    return Readable.from(
      (async function* () {
        for (const { key } of parts) yield* await readObject(client, bucket, key)
      })(),
      { objectMode: false },
    )
  }

  override async publish(id: string, sha256: Uint8Array): Promise<void> {
    const parts = await this.partsOf(id)
    const [only] = parts
    if (only === undefined) throw new Refusal('NOT_FOUND', { what: 'upload', id })
    const target = this.at(keyOf(sha256))
    if (parts.length > 1) await this.putTogether(target.Key, parts)
    else await atS3(() => this.client.send(new CopyObjectCommand({ ...target, CopySource: this.source(only) })))
    await this.discard(id)
  }

  override async discard(id: string): Promise<void> {
    for (const { key } of await this.partsOf(id)) await deleteObject(this.client, this.bucket, key)
  }

  override async *listIncoming(): AsyncGenerator<IncomingBytes> {
    const changed = new Map<string, number>()
    for await (const { key, changedMs } of listObjects(this.client, this.bucket, INCOMING)) {
      const id = key.slice(INCOMING.length).split('/', 1)[0] ?? ''
      changed.set(id, Math.max(changed.get(id) ?? 0, changedMs))
    }
    for (const [id, changedMs] of changed) yield { id, changedMs }
  }

  /** The server copies; no byte comes back to us. Nothing is visible before the last call. */
  private async putTogether(key: string, parts: readonly Part[]): Promise<void> {
    const target = this.at(key)
    const { UploadId } = await atS3(() => this.client.send(new CreateMultipartUploadCommand(target)))
    try {
      const done: { PartNumber: number; ETag: string | undefined }[] = []
      for (let from = 0; from < parts.length; from += COPIES) {
        const copies = parts.slice(from, from + COPIES).map(async (part, index) => {
          const PartNumber = from + index + 1
          const request = { ...target, UploadId, PartNumber, CopySource: this.source(part) }
          const { CopyPartResult } = await atS3(() => this.client.send(new UploadPartCopyCommand(request)))
          return { PartNumber, ETag: CopyPartResult?.ETag }
        })
        done.push(...(await Promise.all(copies)))
      }
      const request = { ...target, UploadId, MultipartUpload: { Parts: done } }
      await atS3(() => this.client.send(new CompleteMultipartUploadCommand(request)))
    } catch (error) {
      // Parts that nobody puts together are kept, and paid for, until somebody says so.
      await this.client.send(new AbortMultipartUploadCommand({ ...target, UploadId })).catch(() => undefined)
      throw error
    }
  }

  private async partsOf(id: string): Promise<Part[]> {
    const parts: Part[] = []
    for await (const part of listObjects(this.client, this.bucket, prefixOf(id))) parts.push(part)
    return parts
  }

  private at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: key }
  }

  private source(part: Part): string {
    return encodeURI(`${this.bucket}/${part.key}`)
  }
}

const keyOf = (sha256: Uint8Array): string => `${WHOLE}${toHex(sha256)}`
const prefixOf = (id: string): string => `${INCOMING}${requireIncomingId(id)}/`
