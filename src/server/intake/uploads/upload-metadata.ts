import { Refusal } from '../../../domain/refusal.js'
import { requireSha256 } from '../../request-fields.js'

/**
 * What a tus upload is announced with: `Upload-Length`, and in `Upload-Metadata` the digest as `sha256`, in hex. A file's name may
 * stand there too, as clients send it; nobody reads it.
 * @throws Refusal `REQUEST_INVALID` naming the header.
 */
export function readAnnouncement(
  length: string | null,
  metadata: Readonly<Record<string, string | null>> | undefined,
): { readonly sha256: Uint8Array; readonly sizeBytes: number } {
  if (length === null || !/^[1-9]\d{0,14}$/.test(length))
    throw new Refusal('REQUEST_INVALID', { field: 'upload-length', why: 'missing or not positive' })
  return { sha256: requireSha256('upload-metadata sha256', metadata?.['sha256'] ?? ''), sizeBytes: Number(length) }
}
