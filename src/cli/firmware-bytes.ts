import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Refusal } from '../domain/refusal.js'
import type { ApiClient } from './api-client.js'
import { segment } from './command-shape.js'
import { requireRegularFile } from './local-file.js'
import { ProgressBar } from './progress-bar.js'
import type { Terminal } from './terminal.js'

/** What we found when we hashed the bytes ourselves. */
export interface HashedImage {
  /** Hex. */
  readonly sha256: string
  readonly sizeBytes: number
}

async function hashStream(chunks: AsyncIterable<Uint8Array>, onBytes: (count: number) => void): Promise<HashedImage> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of chunks) {
    hash.update(chunk)
    sizeBytes += chunk.length
    onBytes(chunk.length)
  }
  return { sha256: hash.digest('hex'), sizeBytes }
}

/** @throws Refusal `FILE_UNREADABLE`. */
export async function hashFile(path: string, terminal: Terminal): Promise<HashedImage> {
  const bar = new ProgressBar(terminal, 'hashing', requireRegularFile(path))
  try {
    return await hashStream(createReadStream(path, { highWaterMark: 262_144 }), (count) => bar.add(count))
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new Refusal('FILE_UNREADABLE', { path, why }, { cause: error })
  } finally {
    bar.end()
  }
}

/** Room above the expected size, so that longer content shows as a mismatch and not as a cut. */
const SLACK_BYTES = 1_048_576

/**
 * Downloads the firmware that goes by a digest and hashes it here; nothing is kept.
 * @param expectedBytes what the server says; more than a little above it is not read.
 */
export async function hashDownload(
  api: ApiClient,
  terminal: Terminal,
  sha256: string,
  expectedBytes: number,
): Promise<HashedImage> {
  const bar = new ProgressBar(terminal, 'downloading', expectedBytes)
  try {
    const chunks = api.download(`/firmware/${segment(sha256)}/content`, expectedBytes + SLACK_BYTES)
    return await hashStream(chunks, (count) => bar.add(count))
  } finally {
    bar.end()
  }
}

/** @throws Refusal `IMAGE_MISMATCH` naming the field. */
export function requireImage(found: HashedImage, said: { readonly sha256: string; readonly sizeBytes: number }): void {
  if (found.sha256 !== said.sha256) throw new Refusal('IMAGE_MISMATCH', { field: 'sha256' })
  if (found.sizeBytes !== said.sizeBytes) throw new Refusal('IMAGE_MISMATCH', { field: 'sizeBytes' })
}
