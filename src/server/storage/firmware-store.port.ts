import type { Readable } from 'node:stream'

/** Bytes from `first` to `last`, both included, as in HTTP ranges. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** Bytes of an upload that is on its way. */
export interface IncomingBytes {
  readonly id: string
  /** When it last grew; milliseconds since the epoch. */
  readonly changedMs: number
}

/**
 * Firmware by its SHA-256, for all namespaces together, and beside it the bytes of uploads on their way, by names that we give:
 * 1 to 80 of a–z, 0–9, ".", "-". What is whole never changes. Nothing in here judges bytes: `FirmwareWriter` does.
 * Every method throws Refusal `STORE_FULL` when there is no room, `STORE_UNAVAILABLE` when the store does not do its work.
 */
export abstract class FirmwareStore {
  /** @returns its size, or null when it is not there. */
  abstract findSizeBytes(sha256: Uint8Array): Promise<number | null>

  /** Where a file of this machine holds these bytes, when they are here; null for a store elsewhere. */
  abstract localPath(sha256: Uint8Array): string | null

  /** @throws Refusal `IMAGE_UNKNOWN`. */
  abstract read(sha256: Uint8Array, range?: ByteRange): Promise<Readable>

  /** An address that gives these bytes to whoever holds it, for a while; null where there is none but the server's own. */
  abstract findDownloadUrl(sha256: Uint8Array, lifeSeconds: number): Promise<string | null>

  /** Safe to repeat. */
  abstract remove(sha256: Uint8Array): Promise<void>

  /** The digests of all that is whole. */
  abstract list(): AsyncIterable<Uint8Array>

  /** @returns how much of an upload is here; 0 when nothing is. */
  abstract findIncomingSizeBytes(id: string): Promise<number>

  /**
   * Writes a stream behind the bytes that are here, and flushes it. When the stream breaks off, what came stays.
   * @param at how many are here; the caller has asked. @throws what the stream throws.
   */
  abstract append(id: string, at: number, source: AsyncIterable<Uint8Array>): Promise<void>

  abstract readIncoming(id: string): Promise<Readable>

  /** Makes an upload firmware, by one step that either happened or did not. Nothing of the upload stays behind. */
  abstract publish(id: string, sha256: Uint8Array): Promise<void>

  /** Forgets an upload. Safe to repeat. */
  abstract discard(id: string): Promise<void>

  abstract listIncoming(): AsyncIterable<IncomingBytes>
}
