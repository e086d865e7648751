import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes, toHex } from '../src/domain/bytes.js'
import { Refusal } from '../src/domain/refusal.js'
import { flushFolderOf } from './durable-file.js'
import type { SlotImage, SlotIndex } from './slot-image.js'

type Wanted = Pick<SlotImage, 'imageSha256' | 'imageSizeBytes'>

/** Two places for firmware on disk. Which one boots is the boot record's to say, not theirs. */
export class Slots {
  constructor(private readonly folder: string) {}

  /**
   * Opens a slot for an image.
   * @param isResumed true when what the slot holds is the beginning of that very image.
   */
  write(slot: SlotIndex, wanted: Wanted, isResumed: boolean): Promise<SlotWriter> {
    return SlotWriter.open(this.path(slot), wanted, isResumed)
  }

  /** SHA-256 of what the medium holds, at most `limitBytes` of it; null when nothing was ever written. */
  async hash(slot: SlotIndex, limitBytes: number): Promise<Uint8Array | null> {
    const hash = createHash('sha256')
    try {
      await hashFile(this.path(slot), limitBytes, hash)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
    return new Uint8Array(hash.digest())
  }

  /**
   * Reads the image back from the medium and hashes it again: what was checked on its way in may not be what is stored.
   * @throws Refusal `SLOT_MISMATCH`. @see trust.md §5, step 16
   */
  async requireStored(slot: SlotIndex, wanted: Wanted): Promise<void> {
    // One byte more than the image: a slot that holds more is not that image.
    const found = await this.hash(slot, wanted.imageSizeBytes + 1)
    if (found === null || !equalBytes(found, wanted.imageSha256))
      throw new Refusal('SLOT_MISMATCH', {
        expected: toHex(wanted.imageSha256),
        found: found === null ? '' : toHex(found),
      })
  }

  path(slot: SlotIndex): string {
    return join(this.folder, `slot-${slot}.img`)
  }
}

/** Takes a payload piece by piece, never more than the manifest allows, and hashes it on the way (step 15). */
export class SlotWriter {
  private constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    private readonly wanted: Wanted,
    private readonly hash: Hash,
    private stored: number,
  ) {}

  static async open(path: string, wanted: Wanted, isResumed: boolean): Promise<SlotWriter> {
    const file = await open(path, isResumed ? 'a+' : 'w+', 0o600)
    const hash = createHash('sha256')
    const { size } = await file.stat()
    if (size > wanted.imageSizeBytes) await file.truncate(0)
    const stored = size > wanted.imageSizeBytes ? 0 : size
    if (stored > 0) await hashFile(path, stored, hash)
    return new SlotWriter(file, path, wanted, hash, stored)
  }

  /** How much of the image is stored: the offset at which a download goes on. */
  get storedBytes(): number {
    return this.stored
  }

  /** @throws Refusal `PAYLOAD_TOO_LONG` at the first byte too many; that byte is not written. */
  async append(piece: Uint8Array): Promise<void> {
    if (this.stored + piece.length > this.wanted.imageSizeBytes)
      throw new Refusal('PAYLOAD_TOO_LONG', { limitBytes: this.wanted.imageSizeBytes })
    this.hash.update(piece)
    await this.file.appendFile(piece)
    this.stored += piece.length
  }

  /**
   * Flushes and checks the whole image.
   * @throws Refusal `PAYLOAD_TOO_SHORT`, `PAYLOAD_MISMATCH`.
   */
  async finish(): Promise<void> {
    const { imageSizeBytes, imageSha256 } = this.wanted
    if (this.stored < imageSizeBytes)
      throw new Refusal('PAYLOAD_TOO_SHORT', { expectedBytes: imageSizeBytes, foundBytes: this.stored })
    const found = new Uint8Array(this.hash.copy().digest())
    if (!equalBytes(found, imageSha256))
      throw new Refusal('PAYLOAD_MISMATCH', { expected: toHex(imageSha256), found: toHex(found) })
    await this.file.datasync()
    flushFolderOf(this.path)
  }

  /** Throws away what a refused payload left, so that no later download builds on it. */
  async discard(): Promise<void> {
    await this.file.truncate(0)
    this.stored = 0
  }

  close(): Promise<void> {
    return this.file.close()
  }
}

async function hashFile(path: string, limitBytes: number, hash: Hash): Promise<void> {
  if (limitBytes === 0) return
  for await (const piece of createReadStream(path, { end: limitBytes - 1 })) hash.update(piece as Buffer)
}
