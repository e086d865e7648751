import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { OnModuleInit } from '@nestjs/common'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { errorCodeOf } from '../error-code.js'
import { FirmwareStore, type ByteRange } from './firmware-store.port.js'

/** An upload that has not grown for this long has lost its process. */
const STALE_MS = 600_000

/**
 * A folder: `firmware/ab/abcd…` holds what is whole, `incoming` what is on its way.
 * Order of writing: bytes, flush, rename, flush of the folder. A crash at any point leaves nothing half visible.
 */
export class FolderFirmwareStore extends FirmwareStore implements OnModuleInit {
  private readonly incoming: string

  constructor(
    private readonly folder: string,
    private readonly limitBytes: number,
    /** Tells the unfinished uploads of this instance from those of others on the same folder. */
    private readonly instanceId: string,
  ) {
    super()
    this.incoming = join(folder, 'incoming')
  }

  async onModuleInit(): Promise<void> {
    await mkdir(this.incoming, { recursive: true, mode: 0o700 })
    await this.sweep()
  }

  /** Removes what uploads left behind. Ours are all dead when we start; others' when they have stopped growing. */
  private async sweep(): Promise<void> {
    for (const name of await readdir(this.incoming)) {
      const path = join(this.incoming, name)
      const found = await stat(path).catch(() => null)
      const isStale = found !== null && Date.now() - found.mtimeMs > STALE_MS
      if (name.startsWith(`${this.instanceId}.`) || isStale) await rm(path, { force: true })
    }
  }

  override async put(sha256: Uint8Array, source: Readable, sizeBytes: number): Promise<void> {
    if (sizeBytes > this.limitBytes) throw new Refusal('IMAGE_TOO_LARGE', { sizeBytes, limitBytes: this.limitBytes })
    const temporary = join(this.incoming, `${this.instanceId}.${randomUUID()}`)
    try {
      const file = await open(temporary, 'wx', 0o600)
      try {
        await writeChecked(file, source, sha256, sizeBytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await this.publish(temporary, sha256)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  override async findSizeBytes(sha256: Uint8Array): Promise<number | null> {
    try {
      return (await stat(this.pathOf(sha256))).size
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  override async read(sha256: Uint8Array, range?: ByteRange): Promise<Readable> {
    try {
      const file = await open(this.pathOf(sha256), 'r')
      return file.createReadStream(range === undefined ? {} : { start: range.first, end: range.last })
    } catch (error) {
      if (isMissing(error)) throw new Refusal('IMAGE_UNKNOWN', { sha256: toHex(sha256) })
      throw error
    }
  }

  private async publish(temporary: string, sha256: Uint8Array): Promise<void> {
    const path = this.pathOf(sha256)
    const parent = join(path, '..')
    await mkdir(parent, { recursive: true, mode: 0o700 })
    // Of two uploads of the same bytes the later replaces the earlier by its equal.
    await rename(temporary, path)
    const directory = await open(parent, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }

  private pathOf(sha256: Uint8Array): string {
    const name = toHex(sha256)
    return join(this.folder, 'firmware', name.slice(0, 2), name)
  }
}

async function writeChecked(file: FileHandle, source: Readable, sha256: Uint8Array, sizeBytes: number): Promise<void> {
  const hash = createHash('sha256')
  let receivedBytes = 0
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      receivedBytes += chunk.length
      if (receivedBytes > sizeBytes) throw new Refusal('PAYLOAD_TOO_LONG', { limitBytes: sizeBytes })
      hash.update(chunk)
      await file.writeFile(chunk)
    }
  } catch (error) {
    if (error instanceof Refusal || isOurs(error)) throw error
    throw new Refusal('UPLOAD_INTERRUPTED', { receivedBytes }, { cause: error })
  }
  if (receivedBytes < sizeBytes)
    throw new Refusal('PAYLOAD_TOO_SHORT', { expectedBytes: sizeBytes, foundBytes: receivedBytes })
  const found = hash.digest('hex')
  if (found !== toHex(sha256))
    throw new Refusal('DIGEST_MISMATCH', { what: 'firmware', expected: toHex(sha256), found })
}

const isMissing = (error: unknown): boolean => errorCodeOf(error) === 'ENOENT'
/** A disk of ours that fails is an outage, not an upload that broke off. */
const isOurs = (error: unknown): boolean => ['ENOSPC', 'EIO', 'EROFS', 'EDQUOT'].includes(errorCodeOf(error))
