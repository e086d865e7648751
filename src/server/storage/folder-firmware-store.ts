import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { OnModuleInit } from '@nestjs/common'
import { fromHex, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { errorCodeOf } from '../error-code.js'
import { appendToFile } from './file-appender.js'
import { FirmwareStore, type ByteRange, type IncomingBytes } from './firmware-store.port.js'
import { requireIncomingId } from './incoming-id.js'
import { atStore } from './store-failure.js'

/**
 * A folder: `firmware/ab/abcd…` holds what is whole, `incoming` what is on its way.
 * Order of writing: bytes, flush, rename, flush of both folders. A crash at any point leaves nothing half visible.
 */
export class FolderFirmwareStore extends FirmwareStore implements OnModuleInit {
  private readonly incoming: string
  private readonly whole: string

  constructor(folder: string) {
    super()
    this.incoming = join(folder, 'incoming')
    this.whole = join(folder, 'firmware')
  }

  async onModuleInit(): Promise<void> {
    for (const folder of [this.incoming, this.whole]) await mkdir(folder, { recursive: true, mode: 0o700 })
  }

  override findSizeBytes(sha256: Uint8Array): Promise<number | null> {
    return findSize(this.pathOf(sha256))
  }

  override localPath(sha256: Uint8Array): string {
    return this.pathOf(sha256)
  }

  override async read(sha256: Uint8Array, range?: ByteRange): Promise<Readable> {
    const stream = await findStream(this.pathOf(sha256), range)
    if (stream === null) throw new Refusal('IMAGE_UNKNOWN', { sha256: toHex(sha256) })
    return stream
  }

  override findDownloadUrl(): Promise<string | null> {
    return Promise.resolve(null)
  }

  override remove(sha256: Uint8Array): Promise<void> {
    return atStore(() => rm(this.pathOf(sha256), { force: true }))
  }

  override async *list(): AsyncGenerator<Uint8Array> {
    for (const folder of await atStore(() => readdir(this.whole)))
      for (const name of await atStore(() => readdir(join(this.whole, folder))))
        if (/^[0-9a-f]{64}$/.test(name)) yield fromHex(name)
  }

  override async findIncomingSizeBytes(id: string): Promise<number> {
    return (await findSize(this.incomingPath(id))) ?? 0
  }

  override async append(id: string, at: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.incomingPath(id)
    // 'a' makes it where it is missing and never cuts it; on Linux it would also ignore positions, so 'r+' writes.
    await atStore(async () => (await open(path, 'a', 0o600)).close())
    const file = await atStore(() => open(path, 'r+'))
    try {
      await appendToFile(file, at, source)
    } finally {
      await file.close()
    }
    if (at === 0) await flushFolder(this.incoming)
  }

  override async readIncoming(id: string): Promise<Readable> {
    const stream = await findStream(this.incomingPath(id))
    if (stream === null) throw new Refusal('NOT_FOUND', { what: 'upload', id })
    return stream
  }

  override async publish(id: string, sha256: Uint8Array): Promise<void> {
    const path = this.pathOf(sha256)
    const parent = join(path, '..')
    await atStore(async () => {
      await mkdir(parent, { recursive: true, mode: 0o700 })
      // Of two uploads of the same bytes the later replaces the earlier by its equal.
      await rename(this.incomingPath(id), path)
      await flushFolder(parent)
      await flushFolder(this.whole)
    })
  }

  override discard(id: string): Promise<void> {
    return atStore(() => rm(this.incomingPath(id), { force: true }))
  }

  override async *listIncoming(): AsyncGenerator<IncomingBytes> {
    for (const id of await atStore(() => readdir(this.incoming))) {
      const found = await stat(join(this.incoming, id)).catch(() => null)
      if (found !== null) yield { id, changedMs: found.mtimeMs }
    }
  }

  private incomingPath(id: string): string {
    return join(this.incoming, requireIncomingId(id))
  }

  private pathOf(sha256: Uint8Array): string {
    const name = toHex(sha256)
    return join(this.whole, name.slice(0, 2), name)
  }
}

const isMissing = (error: unknown): boolean => errorCodeOf(error) === 'ENOENT'

function findSize(path: string): Promise<number | null> {
  return atStore(async () => {
    try {
      return (await stat(path)).size
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  })
}

function findStream(path: string, range?: ByteRange): Promise<Readable | null> {
  const part = range === undefined ? {} : { start: range.first, end: range.last }
  return atStore(async () => {
    try {
      return (await open(path, 'r')).createReadStream({ ...part, highWaterMark: 262_144 })
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  })
}

/** A name in a folder outlives a power cut only after the folder is flushed. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
