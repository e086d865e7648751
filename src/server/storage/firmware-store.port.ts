import type { Readable } from 'node:stream'

/** Bytes from `first` to `last`, both included, as in HTTP ranges. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** Firmware by its SHA-256, for all namespaces together. What is in it never changes. */
export abstract class FirmwareStore {
  /**
   * Takes a stream in; it becomes visible whole or not at all.
   * @param source what the uploader sends. @param sizeBytes what they announced.
   * @throws Refusal `IMAGE_TOO_LARGE` before a byte is read, `UPLOAD_INTERRUPTED` when the stream breaks off,
   *   `PAYLOAD_TOO_LONG`, `PAYLOAD_TOO_SHORT`, `DIGEST_MISMATCH`.
   */
  abstract put(sha256: Uint8Array, source: Readable, sizeBytes: number): Promise<void>

  /** @returns its size, or null when it is not there. */
  abstract findSizeBytes(sha256: Uint8Array): Promise<number | null>

  /** @throws Refusal `IMAGE_UNKNOWN`. */
  abstract read(sha256: Uint8Array, range?: ByteRange): Promise<Readable>
}
