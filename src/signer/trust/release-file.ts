import { closeSync, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { concat, fromHex, toHex } from '../../domain/bytes.js'
import { FrameCutter } from '../../protocol/signer-socket-frames.js'
import { frame } from '../../protocol/signer-socket.js'
import { writeFileAtomically } from '../host/atomic-file.js'
import { isHolding, openFile } from './published-storage.js'

/** In the published folder. */
export const RELEASE_FILE = 'releases.frames'

const DIGEST_BYTES = 32
/** What is read of it at once. */
const PIECE_BYTES = 1_048_576

/**
 * Signed releases behind each other in one file: a frame (length, digest, envelope) for each signature, the last one of a digest counts.
 * A file of its own for each release would need a new name on the disk each time, and names wait for the flushes of the journal:
 * that took as long as the signature itself.
 */
export class ReleaseFile {
  private sizeBytes = 0

  constructor(private readonly path: string) {}

  /** At a start: exactly these are there afterwards, and readers see what was there before or all of this. */
  replace(envelopes: ReadonlyMap<string, Uint8Array>): void {
    const bytes = concat(...[...envelopes].map(([digest, envelope]) => frameOf(digest, envelope)))
    if (!isHolding(this.path, bytes)) writeFileAtomically(this.path, bytes)
    this.sizeBytes = bytes.length
  }

  /** @param digest SUIT digest of the manifest, 64 hex digits. */
  append(digest: string, envelope: Uint8Array): void {
    const bytes = frameOf(digest, envelope)
    // Never made here: a file that somebody took away comes back, whole, with the next start.
    const descriptor = openSync(this.path, 'r+')
    try {
      for (let at = 0; at < bytes.length;)
        at += writeSync(descriptor, bytes, at, bytes.length - at, this.sizeBytes + at)
      this.sizeBytes += bytes.length
    } catch (error) {
      ftruncateSync(descriptor, this.sizeBytes)
      throw error
    } finally {
      closeSync(descriptor)
    }
  }
}

/** The same file, seen from the online signer. */
export class ReleaseFileReader {
  private envelopes = new Map<string, Uint8Array>()
  /** Kept open, so that no other file can have its number. */
  private descriptor: number | null = null
  private readBytes = 0

  constructor(private readonly path: string) {}

  /** @returns null when no such release was published. @throws Refusal `FRAME_TOO_LARGE`, and what the system says. */
  find(digest: string): Uint8Array | null {
    this.readOn()
    return this.envelopes.get(digest) ?? null
  }

  private readOn(): void {
    const stat = statSync(this.path, { throwIfNoEntry: false })
    const isSame =
      stat !== undefined &&
      this.descriptor !== null &&
      fstatSync(this.descriptor).ino === stat.ino &&
      stat.size >= this.readBytes
    if (!isSame) this.reopen(stat !== undefined)
    if (this.descriptor === null) return
    const cutter = new FrameCutter()
    // A frame that is not whole yet is read again with the next look.
    for (let at = this.readBytes; ;) {
      const piece = new Uint8Array(Math.max(0, Math.min(PIECE_BYTES, fstatSync(this.descriptor).size - at)))
      const count = piece.length > 0 ? readSync(this.descriptor, piece, 0, piece.length, at) : 0
      if (count === 0) return
      at += count
      cutter.push(piece.subarray(0, count))
      if (!this.takeFrames(cutter)) return
    }
  }

  /** @returns false before what is no frame of a release, as the zeros that a power cut leaves: nothing behind that is read. */
  private takeFrames(cutter: FrameCutter): boolean {
    for (let body = cutter.next(); body !== null; body = cutter.next()) {
      if (body.length <= DIGEST_BYTES) return false
      this.envelopes.set(toHex(body.subarray(0, DIGEST_BYTES)), body.slice(DIGEST_BYTES))
      this.readBytes += 4 + body.length
    }
    return true
  }

  private reopen(isThere: boolean): void {
    if (this.descriptor !== null) closeSync(this.descriptor)
    this.descriptor = null
    this.descriptor = isThere ? openFile(this.path) : null
    this.envelopes = new Map()
    this.readBytes = 0
  }
}

const frameOf = (digest: string, envelope: Uint8Array): Uint8Array => frame(concat(fromHex(digest), envelope))
