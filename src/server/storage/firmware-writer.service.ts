import { createHash, type Hash } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { FirmwareStore } from './firmware-store.port.js'

/** What an uploader said that they would send. */
export interface AnnouncedUpload {
  /** The name of its bytes in the store. */
  readonly id: string
  readonly sha256: Uint8Array
  readonly sizeBytes: number
}

interface Progress {
  readonly hash: Hash
  bytes: number
}

/** Hashes of uploads that wait for more; beyond this many the bytes are read again instead. */
const MAX_HELD = 1_024

/**
 * Takes uploads in, in one piece or in several, and judges them: counted and hashed while they stream. A hash that is on its way
 * cannot be written down, so after a restart, or on another instance, the bytes that are there are read once more.
 */
@Injectable()
export class FirmwareWriter {
  private readonly held = new Map<string, Progress>()

  constructor(private readonly store: FirmwareStore) {}

  /**
   * Writes a stream behind the `at` bytes that are here.
   * @throws Refusal `PAYLOAD_TOO_LONG`, `UPLOAD_INTERRUPTED` when the stream breaks off (what came stays), `STORE_*`.
   */
  async append(upload: AnnouncedUpload, at: number, source: AsyncIterable<Uint8Array>): Promise<void> {
    const progress = await this.progressOf(upload.id, at)
    this.held.delete(upload.id)
    let brokeOff: unknown = null
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of source) {
          if (progress.bytes + chunk.length > upload.sizeBytes)
            throw new Refusal('PAYLOAD_TOO_LONG', { limitBytes: upload.sizeBytes })
          progress.hash.update(chunk)
          progress.bytes += chunk.length
          yield chunk
        }
      } catch (error) {
        brokeOff = error
        throw error
      }
    }
    try {
      await this.store.append(upload.id, at, counted())
      this.hold(upload.id, progress)
    } catch (error) {
      // Of the store's own failures nobody knows how many of the hashed bytes it has.
      if (error !== brokeOff) throw error
      this.hold(upload.id, progress)
      if (error instanceof Refusal) throw error
      throw new Refusal('UPLOAD_INTERRUPTED', { receivedBytes: progress.bytes }, { cause: error })
    }
  }

  /** @throws Refusal `PAYLOAD_TOO_SHORT`, `DIGEST_MISMATCH`. What is refused here can never become right. */
  async requireWhole({ id, sha256, sizeBytes }: AnnouncedUpload): Promise<void> {
    const foundBytes = await this.store.findIncomingSizeBytes(id)
    if (foundBytes < sizeBytes) throw new Refusal('PAYLOAD_TOO_SHORT', { expectedBytes: sizeBytes, foundBytes })
    if (foundBytes > sizeBytes) throw new Refusal('PAYLOAD_TOO_LONG', { limitBytes: sizeBytes })
    const { hash } = await this.progressOf(id, foundBytes)
    const found = hash.copy().digest('hex')
    const expected = toHex(sha256)
    if (found !== expected) throw new Refusal('DIGEST_MISMATCH', { what: 'firmware', expected, found })
  }

  /** Makes it firmware. Whoever calls has asked `requireWhole`. */
  async publish({ id, sha256 }: AnnouncedUpload): Promise<void> {
    await this.store.publish(id, sha256)
    this.held.delete(id)
  }

  async discard(id: string): Promise<void> {
    this.held.delete(id)
    await this.store.discard(id)
  }

  private hold(id: string, progress: Progress): void {
    if (this.held.size >= MAX_HELD) this.held.clear()
    this.held.set(id, progress)
  }

  private async progressOf(id: string, at: number): Promise<Progress> {
    const held = this.held.get(id)
    if (held?.bytes === at) return held
    const hash = createHash('sha256')
    let bytes = 0
    if (at > 0)
      for await (const chunk of (await this.store.readIncoming(id)) as AsyncIterable<Uint8Array>) {
        hash.update(chunk)
        bytes += chunk.length
      }
    if (bytes !== at) throw new Error('an upload changed while it was read')
    return { hash, bytes }
  }
}
