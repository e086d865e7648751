import type { Readable } from 'node:stream'
import { DataStore, Upload } from '@tus/utils'
import { toHex } from '../../../domain/bytes.js'
import type { Caller } from '../../access/caller.decorator.js'
import type { OpenUpload, UploadService } from './uploads.service.js'

/** What the tus server asks of a store, answered by our uploads. One for each request: it acts for that request's caller. */
export class TusUploadStore extends DataStore {
  /** What became firmware within this request. It is no upload any more, and the protocol asks for it once more before it answers. */
  private whole: Upload | null = null
  override extensions = ['creation', 'creation-with-upload', 'expiration', 'termination']

  constructor(
    private readonly uploads: UploadService,
    private readonly caller: Caller,
    private readonly lifeSeconds: number,
    /** The body of the request. What the protocol hands on instead is empty. */
    private readonly body: AsyncIterable<Uint8Array>,
    /** Told of each upload that is asked for, before the answer. */
    private readonly onFound: (open: OpenUpload) => Promise<void>,
  ) {
    super()
  }

  /** The row was written when the upload was given its name. */
  override create(upload: Upload): Promise<Upload> {
    return this.getUpload(upload.id)
  }

  override async getUpload(id: string): Promise<Upload> {
    if (this.whole?.id === id) return this.whole
    const open = await this.uploads.get(id, this.caller)
    await this.onFound(open)
    const { row, receivedBytes: offset } = open
    const creation_date = new Date(row.createdAt * 1_000).toISOString()
    return new Upload({ id, size: row.sizeBytes, offset, metadata: { sha256: toHex(row.sha256) }, creation_date })
  }

  override async write(_empty: Readable, id: string, offset: number): Promise<number> {
    const { row }: OpenUpload = await this.uploads.get(id, this.caller)
    const received = await this.uploads.append({ row, receivedBytes: offset }, this.body)
    if (received === row.sizeBytes) this.whole = new Upload({ id, size: received, offset: received })
    return received
  }

  override async remove(id: string): Promise<void> {
    await this.uploads.cancel(id, this.caller)
  }

  override getExpiration(): number {
    return this.lifeSeconds * 1_000
  }
}
