import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { atS3 } from './s3-connection.js'

/** At least 5 MiB: smaller parts cannot be put together; 10,000 at most are. One part of each upload is in memory. */
export const PART_BYTES = 8_388_608

export interface Part {
  readonly key: string
  readonly sizeBytes: number
  readonly changedMs: number
}

/** The objects under a prefix, in the order of their keys. */
export async function* listObjects(client: S3Client, bucket: string, prefix: string): AsyncGenerator<Part> {
  let after: string | undefined
  do {
    const page = await atS3(() =>
      client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: after })),
    )
    for (const { Key: key, Size: sizeBytes, LastModified } of page.Contents ?? [])
      if (key !== undefined) yield { key, sizeBytes: sizeBytes ?? 0, changedMs: LastModified?.getTime() ?? 0 }
    after = page.IsTruncated === true ? page.NextContinuationToken : undefined
  } while (after !== undefined)
}

export async function readObject(client: S3Client, bucket: string, key: string, range?: string): Promise<Readable> {
  const { Body } = await atS3(() => client.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range })))
  if (!(Body instanceof Readable)) throw new Error('an object without a body')
  return Body
}

export async function deleteObject(client: S3Client, bucket: string, key: string): Promise<void> {
  await atS3(() => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })))
}

/**
 * An upload on its way: objects `…/000000`, `…/000001` of exactly `PART_BYTES`, but for the last. Each is written whole or not at
 * all, so what is listed is what is here. A last part that is short is fetched, filled up and written anew under its name.
 */
export class S3Parts {
  private readonly held = Buffer.allocUnsafeSlow(PART_BYTES)
  private heldBytes = 0
  /** Bytes of the last part that the store has already. */
  private storedBytes = 0

  private constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly prefix: string,
    private index: number,
  ) {}

  static async open(client: S3Client, bucket: string, prefix: string, parts: readonly Part[]): Promise<S3Parts> {
    const last = parts.at(-1)
    if (last === undefined || last.sizeBytes >= PART_BYTES) return new S3Parts(client, bucket, prefix, parts.length)
    const opened = new S3Parts(client, bucket, prefix, parts.length - 1)
    const bytes = await buffer(await readObject(client, bucket, last.key))
    bytes.copy(opened.held)
    opened.heldBytes = bytes.length
    opened.storedBytes = bytes.length
    return opened
  }

  async take(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + PART_BYTES - this.heldBytes)
      this.held.set(piece, this.heldBytes)
      this.heldBytes += piece.length
      at += piece.length
      if (this.heldBytes === PART_BYTES) await this.put()
    }
  }

  async end(): Promise<void> {
    if (this.heldBytes > this.storedBytes) await this.put()
  }

  private async put(): Promise<void> {
    const body = this.held.subarray(0, this.heldBytes)
    const checksum = createHash('sha256').update(body).digest('base64')
    const key = `${this.prefix}${String(this.index).padStart(6, '0')}`
    // A server that knows this checksum compares it; all compare the one in the signature.
    const request = { Bucket: this.bucket, Key: key, Body: body, ChecksumSHA256: checksum }
    await atS3(() => this.client.send(new PutObjectCommand(request)))
    this.index += 1
    this.heldBytes = 0
    this.storedBytes = 0
  }
}
